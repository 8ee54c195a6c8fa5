from dataclasses import replace

import pytest

from medcnn.evaluation.elsewhere import AtHome, External
from medcnn.evaluation.parts import HEADLINE
from medcnn.evaluation.results import read_results
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.new_site import home_lines, home_table
from medcnn.reporting.wording import Wording


@pytest.fixture
def results(built_run):
    return read_results(built_run.results)


@pytest.fixture
def external(results):
    half = {name: Estimate(0.5, (0.4, 0.6), "wilson") for name in HEADLINE}
    home = AtHome(**half, n=1234, prevalence=0.25, split="test", n_patients=900, threshold=0.3)
    apart = {name: Estimate(-0.125, (-0.2, -0.05), "mover") for name in HEADLINE}
    found = External(source="folder", label_policy="", home=home, differences=apart)
    return replace(results, external=found)


def test_both_sides_and_their_difference_in_points(external):
    table = home_table(external, Wording("en"))
    assert [row[0] for row in table.rows][:2] == ["Sensitivity", "Specificity"]
    assert table.rows[0][2] == "50.0% (40.0% – 60.0%)"
    assert table.rows[0][3] == "\u221212.5 (\u221220.0 to \u22125.0)"
    assert table.rows[-1][3] == "\u22120.125 (\u22120.200 to \u22120.050)"  # the AUROC


def test_of_whom_the_columns_speak_in_either_language(external):
    lines = home_lines(external, Wording("de"))
    assert lines[1] == "Zu Hause (Test): 1.234 Fälle von 900 Patienten, 25,0\u202f% auffällig."
    assert "Newcomb" in lines[2]


def test_without_home_there_is_no_section(results):
    alone = replace(results, external=External(source="folder", label_policy=""))
    for each in (results, alone):
        assert home_table(each, Wording()) is None
        assert home_lines(each, Wording()) == []
