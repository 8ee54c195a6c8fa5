import re

import numpy as np
import pandas as pd
import pytest

from medcnn.evaluation.compare import compare
from medcnn.evaluation.patients import at_level
from medcnn.evaluation.results import evaluate
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import check_predictions
from medcnn.reporting.sentences import translated
from medcnn.reporting.wording import Wording, catalogue

EN, DE = Wording("en"), Wording("de")
SENTENCES = sorted(key for key in catalogue() if key.startswith("sentence."))


@pytest.mark.parametrize("key", SENTENCES)
def test_each_sentence_is_found_by_its_english(key):
    names = set(re.findall(r"\{(\w+)\}", catalogue()[key]["en"]))
    facts = {name: f"<{name}>" for name in names}
    # Tokens without letters pass through unchanged, so the German text must hold all of them.
    facts = {name: str(number) for number, name in enumerate(sorted(names), start=11)}
    assert translated(EN(key, **facts), DE) == DE(key, **facts)


def test_english_stays_and_the_unknown_is_left_to_be_marked():
    assert translated("Anything at all.", EN) == "Anything at all."
    assert translated("Anything at all.", DE) is None


def test_numbers_classes_and_measures_inside_are_german_too():
    text = "sensitivity of site=St.1 differs from the rest by -0.120 (p=0.003 after Holm)."
    assert translated(text, DE) == (
        "Sensitivität von site=St.1 weicht vom Rest um -0,120 ab (p=0,003 nach Holm)."
    )
    few = translated("Only 7 abnormal cases on test: read the intervals, not the values.", DE)
    assert few == "Nur 7 Fälle in Test sind auffällig: Die Intervalle lesen, nicht die Werte."


def crowded(n=60, images=6):
    rng = np.random.default_rng(0)
    patient = np.arange(n) // images
    label = (np.arange(n) < 6).astype(int)
    logit = rng.normal(size=n) * 0.2 + 2 * rng.normal(size=n // images)[patient] + label
    return check_predictions(
        pd.DataFrame(
            {
                "label": label,
                "p_abnormal": 1 / (1 + np.exp(-logit)),
                "patient_id": [f"p{k}" for k in patient],
                "sex": np.where(patient % 2, "F", "M"),
                "entropy": np.where(np.arange(n) == 3, np.nan, 0.5),
            }
        )
    )


def test_every_warning_of_an_evaluation_is_known_in_german():
    table = crowded()
    _, notes = at_level(table, "patient", "noisy_or")
    found = [
        *evaluate(table, Threshold(0.5, "youden", "test"), subgroups=["sex"]).warnings,
        *evaluate(table[table["label"] == 0], Threshold(0.5, "fixed", "none")).warnings,
        *notes,
        *compare(
            table, table.round({"p_abnormal": 0}), *[Threshold(0.5, "f1", "test")] * 2
        ).warnings,
    ]
    assert len(set(found)) >= 8
    for text in found:
        said = translated(text, DE)
        assert said is not None, text
        assert said != text
