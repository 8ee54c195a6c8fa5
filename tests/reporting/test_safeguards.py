import re
from dataclasses import replace

import pytest

from medcnn.calibration.settings import Safeguards
from medcnn.evaluation.out_of_distribution import flagged_results
from medcnn.evaluation.results import evaluate
from medcnn.evaluation.safeguards import safeguard, with_safeguards
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import read_predictions
from medcnn.reporting.safeguards import safeguards
from medcnn.reporting.wording import Wording

EN, DE = Wording("en"), Wording("de")
AT = Threshold(0.41, "youden", "val")


@pytest.fixture(scope="module")
def safeguarded(built_run):
    """Real results with every safeguard, by sex, the first image foreign."""
    val, test = (read_predictions(built_run.predictions(split)) for split in ("val", "test"))
    test = test.assign(sex=["F", "M"] * (len(test) // 2) + ["F"] * (len(test) % 2))
    foreign = [1] + [0] * (len(test) - 1)
    reasons = ["mahalanobis 9.1 above 4.2"] + [""] * (len(test) - 1)
    test = test.assign(out_of_distribution=foreign, ood_reasons=reasons)
    asked = Safeguards(alpha=0.1, refer="npv>=0.95", refer_by="margin", prior_shift=0.2)
    made = safeguard(val, test, AT, asked)
    results = with_safeguards(evaluate(made.table, AT), made, subgroups=["sex"])
    found, _ = flagged_results(made.table, AT.value, 0.01)
    return replace(results, out_of_distribution=found)


def test_each_safeguard_is_told_in_sentences(safeguarded):
    found = list(safeguards(safeguarded, EN))
    assert [each.title for each in found] == [
        "Referral to a radiologist",
        "Conformal sets",
        "Correction of the prevalence",
        "Images unlike the training images",
    ]
    for each in found:
        assert all(re.search(r"\.$", text) for text in each.sentences)
        assert not any(re.search(r"\{|_|None", text) for text in each.sentences)
    referral = safeguarded.uncertainty.referral
    said = " ".join(found[0].sentences)
    assert f"refers {referral.referred} of {referral.n} cases" in said
    assert "promised Negative predictive value of at least 95.0%" in said
    assert "mahalanobis" not in found[3].sentences[2] and "(1)" in found[3].sentences[2]


def test_the_referral_holds_all_cases_against_those_decided_alone(safeguarded):
    table = next(iter(safeguards(safeguarded, EN))).table
    assert table.header[1:] == (
        f"All {safeguarded.n} cases",
        f"The {safeguarded.uncertainty.referral.automatic.n} decided automatically",
    )
    assert [row[0] for row in table.rows][:2] == ["Sensitivity", "Specificity"]
    assert table.rows[0][1].startswith(EN.percent(safeguarded.sensitivity.value))


def test_conformal_coverage_is_given_by_group(safeguarded):
    table = list(safeguards(safeguarded, DE))[1].table
    assert [row[0] for row in table.rows] == ["Geschlecht: F", "Geschlecht: M"]


def test_an_estimated_prevalence_is_told_with_its_test(built_run):
    val, test = (read_predictions(built_run.predictions(split)) for split in ("val", "test"))
    made = safeguard(val, test, AT, Safeguards(prior_shift="em"))
    results = with_safeguards(evaluate(made.table, AT), made)
    (found,) = safeguards(results, EN)
    assert "estimated from the probabilities alone" in found.sentences[0]
    assert "differ from validation in their prevalence alone" in found.sentences[1]


def test_without_safeguards_there_is_nothing_to_tell(built_run):
    test = read_predictions(built_run.predictions("test"))
    assert not list(safeguards(evaluate(test, AT), EN))
