import re
from dataclasses import replace

import pytest

from medcnn.evaluation.compare import NonInferiority, compare
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import read_predictions
from medcnn.reporting.comparison import headline_table, verdicts, write_comparison
from medcnn.reporting.wording import Wording

AT = Threshold(0.45, "youden", "val")


@pytest.fixture(scope="module")
def pair(built_run):
    table = read_predictions(built_run.predictions("test"))
    return table, table.assign(p_abnormal=table["member_0"])


@pytest.fixture(scope="module")
def found(pair):
    return compare(*pair, AT, AT, names=("<new>", "old"), margin=0.1)


def test_the_table_has_both_sides_the_difference_and_its_tests(found):
    table = headline_table(found, Wording("en"))
    assert table.header[1:3] == ("<new>", "old")
    assert [row[0] for row in table.rows] == ["Sensitivity", "Specificity", "Accuracy", "AUROC"]
    shown = float(table.rows[3][3].split(" ")[0].replace("\u2212", "-"))
    assert shown == pytest.approx(found.differences["auroc"].value, abs=5e-4)


def test_verdicts_give_margins_in_points_and_say_what_is_not_known(found):
    said = verdicts(found, Wording("en"))
    assert "10.0 percentage points" in said[0]
    assert said[2].startswith("AUROC: <new>")
    assert "0.100" in said[2]
    unsure = replace(found, non_inferiority=NonInferiority(0.1, {"auroc": None}))
    assert "do not tell" in verdicts(unsure, Wording("en"))[0]
    assert verdicts(replace(found, non_inferiority=None), Wording("en")) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_needs_no_network_and_escapes_names(found, pair, tmp_path, language):
    path = write_comparison(found, *pair, tmp_path / "c.html", language=language)
    page = path.read_text("utf-8")
    assert "&lt;new&gt;" in page
    assert "<new>" not in page
    assert re.search(r"https?://|<script", page) is None
    assert f'lang="{language}"' in page
    assert ("Obuchowski" in page) is found.clustered
