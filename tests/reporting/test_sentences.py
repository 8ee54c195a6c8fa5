import re

import numpy as np
import pandas as pd

from medcnn.evaluation.compare import compare
from medcnn.evaluation.patients import at_level
from medcnn.evaluation.results import evaluate
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import SEVERITIES, Notice, catalogue
from medcnn.predictions import check_predictions
from medcnn.reporting.wording import LANGUAGES, Wording, said

EN, DE = Wording("en"), Wording("de")


def test_every_sentence_of_the_catalogue_asks_for_the_same_facts_in_both_languages():
    for key, entry in catalogue().items():
        english, german = (
            set(re.findall(r"\{(\w+)", str(entry[language]))) - {"one"} for language in LANGUAGES
        )
        # Of what the reader noticed, German says itself what to do.
        assert english >= german, key
        assert entry.get("severity", "caution") in SEVERITIES


def test_english_stays_and_the_unknown_is_left_to_be_marked():
    assert said("Anything at all.", EN) == "Anything at all."
    assert said("Anything at all.", DE) is None


def test_numbers_classes_and_measures_inside_are_german_too():
    gap = Notice("gap", metric="sensitivity", group="site=St.1", value=-0.12, p=0.003)
    assert said(gap, DE) == (
        "Sensitivität von site=St.1 weicht vom Rest um \u22120,120 ab (p=0,003 nach Holm)."
    )
    few = Notice("few_cases", n=7, name="abnormal", split="test")
    assert (
        said(few, DE)
        == "Nur 7 Fälle in Test sind auffällig: Die Intervalle lesen, nicht die Werte."
    )
    foreign = Notice("foreign", k=3, n=40, share=0.075, expected=0.01)
    assert "7,5\u202f%" in said(foreign, DE)


def test_a_notice_inside_another_is_said_in_its_language():
    inside = Notice("no_network", host="example.org")
    whole = Notice("random_weights", network="resnet18", reason=inside)
    assert "(hier liegt keine Datei davon" in said(whole, DE)
    reasons = [Notice("scores_weak", auroc=0.51), Notice("estimate_at_edge", value=0.0)]
    doubted = Notice("prior_doubted_left", cases=9, value=0.1, low=0.0, high=0.2, reasons=reasons)
    assert "AUROC der Validierung 0,51); die Schätzung" in said(doubted, DE)


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
        german = said(text, DE)
        assert german is not None, text
        assert german != text
