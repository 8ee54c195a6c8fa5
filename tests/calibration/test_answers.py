"""From logits to one answer a case, against doing each part by hand."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import entropy

from medcnn.calibration.answers import combine, decompose, fit_judgement
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.fit import fit_calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.metrics.thresholds import Threshold, choose_threshold


def test_the_parts_of_uncertainty_on_closed_forms():
    p = np.array([[0.0, 0.5, 0.2], [1.0, 0.5, 0.2]])
    found = decompose(p)
    np.testing.assert_allclose(found["entropy"], [np.log(2), np.log(2), entropy([0.2, 0.8])])
    np.testing.assert_allclose(found["expected_entropy"], [0, np.log(2), entropy([0.2, 0.8])])
    np.testing.assert_allclose(found["mutual_information"], [np.log(2), 0, 0], atol=1e-15)
    np.testing.assert_allclose(found["std"], [0.5, 0, 0])
    np.testing.assert_allclose(found["variation_ratio"], [0.5, 0, 0])
    assert list(decompose(p[:1])) == ["entropy"]


def test_the_parts_sum_whatever_the_axes():
    p = np.random.default_rng(0).random((12, 50))
    found = decompose(p)
    np.testing.assert_allclose(
        found["entropy"], found["expected_entropy"] + found["mutual_information"]
    )
    expected = entropy(np.stack([p, 1 - p]), axis=0).mean(0)
    np.testing.assert_allclose(found["expected_entropy"], expected)
    assert (found["mutual_information"] >= 0).all()


OWN = [Calibrator("temperature", (2.0,)), Calibrator(), Calibrator("platt", (1.5, -0.2))]
ALONE = [Judgement.of_one(each, Threshold(0.5, "youden")) for each in OWN]


def made(asked, seed=0, members=3, seen=2, samples=2, n=300):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    scores = 3 * (label - 0.5) + rng.normal(0, 1, (members, seen, samples, n))
    alone = ALONE[:members]
    found = fit_judgement(asked, scores, label, calibration="platt", rule="youden", alone=alone)
    return scores, label, found


@pytest.mark.each(
    ("vote", "merge"),
    [
        *(("soft", "mean"), ("logit", "geometric"), ("hard", "max"), ("rank", "weighted")),
        *(("weighted", "mean"), ("greedy", "max"), ("stacked", "geometric")),
    ],
)
def test_a_judgement_is_the_same_after_it_was_saved(vote, merge, tmp_path):
    scores, _, judgement = made(Passes(vote=vote, merge=merge, tta="flips", mc_samples=2))
    judgement.save(tmp_path / "judgement.json")
    again = Judgement.load(tmp_path / "judgement.json")
    assert again == judgement
    assert combine(scores, OWN, again).equals(combine(scores, OWN, judgement))


def test_the_columns_of_a_table():
    scores, label, judgement = made(Passes(tta="flips", mc_samples=2))
    table = combine(scores, OWN, judgement)
    assert {"logit", "p_abnormal", "tta_std", "member_0", "member_2", "std"} <= set(table)
    p = np.stack([expit(scores[0] / 2), expit(scores[1]), expit(1.5 * scores[2] - 0.2)])
    np.testing.assert_allclose(table["member_1"], p[1].mean((0, 1)))
    np.testing.assert_allclose(table["tta_std"], p.mean((0, 2)).std(0))
    np.testing.assert_allclose(expit(table["logit"]), p.mean((0, 1, 2)))
    np.testing.assert_allclose(
        table["entropy"], entropy([1 - p.mean((0, 1, 2)), p.mean((0, 1, 2))])
    )
    assert judgement.threshold.chosen_from(label, table["p_abnormal"].to_numpy())


def test_one_model_seen_once_is_calibrated_on_its_own_logits():
    # The vote has nothing to say, and a logit of 60 stays one: no probability is that near to 1.
    scores, label, judgement = made(Passes(vote="rank"), members=1, seen=1, samples=1)
    scores[..., 0] = 60.0
    table = combine(scores, [], judgement)
    platt = fit_calibrator("platt", made(Passes(), members=1, seen=1, samples=1)[0][0, 0, 0], label)
    assert judgement.calibrator == platt
    np.testing.assert_array_equal(table["logit"], scores[0, 0, 0])
    np.testing.assert_array_equal(table["p_abnormal"], platt.probability(scores[0, 0, 0]))
    assert list(table) == ["logit", "p_abnormal", "entropy"]
    before = platt.probability(made(Passes(), members=1, seen=1, samples=1)[0][0, 0, 0])
    assert judgement.threshold == choose_threshold(label, before, "youden")


def test_a_judgement_of_other_members_is_refused():
    scores, _, judgement = made(Passes())
    with pytest.raises(ValueError, match="of 3 members for 2"):
        combine(scores[:2], OWN[:2], judgement)


def test_a_hard_vote_counts_each_member_at_its_own_threshold():
    scores = logit(np.array([[0.3, 0.6, 0.9], [0.3, 0.6, 0.9]]))[:, None, None]
    alone = [Judgement.of_one(Calibrator(), Threshold(value, "f1")) for value in (0.5, 0.8)]
    asked = {"calibration": "none", "rule": 0.4, "alone": alone}
    found = fit_judgement(Passes(vote="hard"), scores, [0, 1, 1], **asked)
    table = combine(scores, [Calibrator(), Calibrator()], found)
    np.testing.assert_allclose(table["p_abnormal"], [1e-9, 0.5, 1 - 1e-9])
