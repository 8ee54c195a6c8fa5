from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medcnn.evaluation.operating_effect import Asked
from medcnn.evaluation.shift import Population, find_shift
from medcnn.reporting.shift import Sides, write_shift
from medcnn.reporting.shift import tests_table as table_of
from medcnn.reporting.wording import Wording


def population(seed, n, moved=0.0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.5).astype(int)
    features = rng.normal(size=(n, 3)) + moved
    p = 1 / (1 + np.exp(-features[:, 0] - 2 * label + 1))
    names = [f"{seed}-{row}" for row in range(n)]
    table = pd.DataFrame({"patient_id": names, "label": label, "p_abnormal": p})
    return Population(table, features[:, 0], features)


@pytest.mark.parametrize(("n", "language"), [(60, "en"), (5, "de")])
def test_the_page_says_what_was_found_with_or_without_tests(tmp_path, n, language):
    home, here = population(1, 80), population(2, n, moved=1.5)
    found = find_shift(home, here, Asked(0.5, permutations=99))
    sides = Sides(
        home.table["p_abnormal"].to_numpy(),
        here.table["p_abnormal"].to_numpy(),
        [Path(f"/gone/{row}.png") for row in range(n)],
    )
    page = write_shift(
        found,
        sides,
        tmp_path / "shift.html",
        run="a <run>",
        place="here",
        permutations=99,
        language=language,
    ).read_text("utf-8")
    assert "a &lt;run&gt;" in page
    words = Wording(language)
    assert words(f"shift.{found.results.verdict}") in page
    assert page.count("<svg") == (2 if n > 20 else 1)
    table = table_of(found.results, words)
    assert (table is None) == (n < 20)
    if table is not None:
        assert [row[3] for row in table.rows[:2]] == ["0.010", "0.010"]
