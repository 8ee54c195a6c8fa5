import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from medcnn.calibration.prior_shift import shift_prior
from medcnn.errors import DataError
from medcnn.evaluation.prior_shift import before_shift, correct_prior


def table(n, prevalence, seed, *, moved=0.0, images=1):
    """Calibrated predictions at prevalence 0.5, ``images`` alike for each of n patients."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    p = expit(2 * (rng.normal(np.where(label == 1, 1, -1), 1) + moved))
    frame = pd.DataFrame(
        {"patient_id": [f"p{k}" for k in range(n)], "label": label, "p_abnormal": p}
    )
    frame = frame.loc[frame.index.repeat(images)].reset_index(drop=True)
    return frame.assign(image_id=[f"i{k}" for k in range(len(frame))], split="test")


VAL, ROWS = table(1000, 0.5, 0), table(300, 0.3, 7)


def test_em_finds_the_prevalence_and_its_record_says_how():
    rows = table(800, 0.15, 1)
    found = correct_prior(VAL, rows, "em")
    estimate = found.record.estimate
    assert estimate.ci[0] < 0.15 < estimate.ci[1]
    assert found.record.trust.trusted
    assert found.record.applied
    np.testing.assert_allclose(found.table["p_before_shift"], rows["p_abnormal"])
    np.testing.assert_allclose(
        found.table["p_abnormal"],
        shift_prior(rows["p_abnormal"], VAL["label"].mean(), estimate.value),
    )
    # At 0.15 the threshold of 0.5 makes fewer mistakes on what is corrected.
    wrong = [
        ((frame["p_abnormal"] >= 0.5) != (rows["label"] == 1)).mean()
        for frame in (rows, found.table)
    ]
    assert wrong[1] < wrong[0] - 0.02
    assert "before the frozen threshold was applied" in found.warnings[0]


def test_probabilities_that_are_too_high_on_the_whole_are_not_taken_for_prevalence():
    rows = table(800, 0.15, 1)
    high = [
        frame.assign(p_abnormal=expit(np.log(frame["p_abnormal"] / (1 - frame["p_abnormal"])) + 1))
        for frame in (VAL, rows)
    ]
    biased = correct_prior(*high, "em")
    assert any("calibration=platt or beta mends it" in text for text in biased.warnings)
    assert biased.record.estimate.value == pytest.approx(
        correct_prior(VAL, rows, "em").record.estimate.value, abs=1e-4
    )


def test_labels_of_the_cases_are_never_read():
    rows = table(300, 0.2, 2)
    found = correct_prior(VAL, rows, "em")
    for other in (rows.assign(label=1 - rows["label"]), rows.drop(columns="label")):
        again = correct_prior(VAL, other, "em")
        assert again.record == found.record
        np.testing.assert_array_equal(again.table["p_abnormal"], found.table["p_abnormal"])


def test_what_is_not_trusted_is_used_by_em_and_left_by_em_if_trusted():
    rows = table(800, 0.3, 3, moved=1.2)
    used, left = (correct_prior(VAL, rows, rule) for rule in ("em", "em_if_trusted"))
    assert not used.record.trust.trusted
    assert used.record.applied
    assert "should not be trusted" in used.warnings[1]
    assert "used all the same" in used.warnings[1]
    assert not left.record.applied
    assert left.table is rows
    assert "left as they are" in left.warnings[0]


def test_a_prevalence_that_the_scores_do_not_tell_is_not_used():
    for val, rows in ((VAL, table(12, 0.5, 3)), (VAL.assign(p_abnormal=0.5), ROWS)):
        found = correct_prior(val, rows, "em")
        assert not found.record.applied
        assert found.table is rows
        assert "left as they are" in found.warnings[0]


def test_a_stated_prevalence_needs_no_estimate():
    rows = table(5, 0.2, 4)
    found = correct_prior(VAL, rows, 0.02)
    assert found.record.target_prevalence == 0.02
    assert found.record.estimate is None
    assert (found.table["p_abnormal"] < rows["p_abnormal"]).all()


def test_a_corrected_table_is_corrected_from_where_it_began():
    rows = table(300, 0.2, 5)
    once = correct_prior(VAL, rows, 0.1).table
    twice = correct_prior(VAL, once, 0.3).table
    np.testing.assert_array_equal(
        twice["p_abnormal"], correct_prior(VAL, rows, 0.3).table["p_abnormal"]
    )
    np.testing.assert_array_equal(before_shift(twice), rows["p_abnormal"])


def test_images_of_a_patient_are_resampled_and_tested_together():
    one, four = (correct_prior(VAL, table(150, 0.3, 6, images=k), "em").record for k in (1, 4))
    widths = [np.ptp(record.estimate.ci) for record in (one, four)]
    assert widths[1] == pytest.approx(widths[0], rel=0.25)
    assert four.trust.p_value == pytest.approx(one.trust.p_value, abs=0.1)


def test_validation_without_a_class_is_refused():
    with pytest.raises(DataError, match="prevalence of validation"):
        correct_prior(VAL.assign(label=1), VAL, "em")
