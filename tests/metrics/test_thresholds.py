import numpy as np
import pytest
from sklearn import metrics as sk

from medcnn.errors import DataError
from medcnn.metrics.thresholds import Threshold, choose_threshold, fixed_threshold

LABEL, P = np.array([0, 0, 1, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9])


@pytest.mark.parametrize(
    ("rule", "value"),
    [("sensitivity>=0.95", 0.25), ("specificity>=0.9", 0.6), ("ppv>=1", 0.6), (0.5, 0.5)],
)
def test_worked_example(rule, value):
    assert choose_threshold(LABEL, P, rule).value == pytest.approx(value)


QUALITIES = {
    "youden": sk.balanced_accuracy_score,
    "f1": lambda y, c: sk.f1_score(y, c, zero_division=0),
    "closest_corner": lambda y, c: (
        -np.hypot(1 - sk.recall_score(y, c), 1 - sk.recall_score(y, c, pos_label=0))
    ),
    "cost:fn=5,fp=1": lambda y, c: -(5 * np.sum((y == 1) & ~c) + np.sum((y == 0) & c)),
}


@pytest.mark.parametrize("rule", QUALITIES)
def test_no_threshold_at_all_is_better(cases, rule):
    label, p = cases
    quality = QUALITIES[rule]
    chosen = choose_threshold(label, p, rule).value
    best = max(quality(label, p >= at) for at in np.append(np.unique(p), 2.0))
    assert quality(label, p >= chosen) == pytest.approx(best)


@pytest.mark.parametrize(
    ("rule", "kept", "gained"),
    [
        ("sensitivity>=0.9", (1, "recall"), (0, "recall")),
        ("specificity>=0.9", (0, "recall"), (1, "recall")),
        ("ppv>=0.8", (1, "precision"), (1, "recall")),
        ("npv>=0.9", (0, "precision"), (0, "recall")),
    ],
)
def test_targets_are_kept_and_nothing_is_given_away(cases, rule, kept, gained):
    label, p = cases
    score = {"recall": sk.recall_score, "precision": sk.precision_score}

    def value(of, at):
        return score[of[1]](label, p >= at, pos_label=of[0], zero_division=0)

    target = float(rule.partition(">=")[2])
    chosen = choose_threshold(label, p, rule).value
    assert value(kept, chosen) >= target
    allowed = [at for at in np.unique(p) if value(kept, at) >= target]
    assert value(gained, chosen) == pytest.approx(max(value(gained, at) for at in allowed))


def test_a_target_that_is_met_exactly_spares_nothing_where_the_classes_are_apart():
    p = np.concatenate([np.linspace(0.01, 0.1, 50), np.linspace(0.6, 0.99, 100)])
    label = np.repeat([0, 1], [50, 100])
    kept, met = (choose_threshold(label, p, f"sensitivity{sign}0.93") for sign in (">=", "=="))
    assert kept.value == pytest.approx(0.35)
    assert (p[label == 1] >= met.value).mean() == pytest.approx(0.93)
    assert met.rule == "sensitivity==0.93"
    fall = choose_threshold(label, p, "specificity==0.9").value
    assert (p[label == 0] < fall).mean() == pytest.approx(0.9)


def test_of_equally_good_thresholds_the_most_sensitive_is_taken():
    label, p = np.array([0, 1, 0, 1]), np.array([0.1, 0.3, 0.5, 0.7])
    assert choose_threshold(label, p, "youden").value == pytest.approx(0.2)


def test_a_threshold_parts_neighbouring_floats():
    low = 0.3
    p = np.array([low, np.nextafter(low, 1)])
    chosen = choose_threshold(np.array([0, 1]), p, "youden").value
    assert (p >= chosen).tolist() == [False, True]


def test_probabilities_of_one_can_all_be_called_normal():
    chosen = choose_threshold(np.array([0, 1]), np.array([1.0, 0.2]), "specificity>=1")
    assert chosen.value > 1.0


def test_absent_classes_and_unreachable_targets_are_refused():
    with pytest.raises(DataError, match="normal and abnormal"):
        choose_threshold(np.zeros(6, int), P, "youden")
    with pytest.raises(DataError, match="normal and abnormal"):
        choose_threshold(np.array([], int), np.array([]), "youden")
    with pytest.raises(DataError, match=r"at most ppv 0\.5000"):
        choose_threshold(np.array([1, 0]), np.array([0.2, 0.8]), "ppv>=0.9")


def test_a_number_is_chosen_on_no_data():
    assert choose_threshold(np.zeros(3, int), np.zeros(3), "0.4") == fixed_threshold(0.4)
    assert fixed_threshold(0.4).chosen_on == "none"


def test_a_changed_record_is_refused():
    record = choose_threshold(LABEL, P, "youden").to_json()
    assert Threshold.from_json(record) == choose_threshold(LABEL, P, "youden")
    for change in ({"value": 0.5}, {"rule": "f1"}, {"predictions_sha256": "0" * 64}):
        with pytest.raises(DataError, match="changed after it was frozen"):
            Threshold.from_json(record | change)
    with pytest.raises(DataError, match="the recorded threshold lacks"):
        Threshold.from_json({"value": 0.5})


def test_records_of_older_runs_without_digest_are_still_read():
    old = {"value": 0.4, "rule": "youden", "chosen_on": "val"}
    assert Threshold.from_json(old) == Threshold(0.4, "youden", "val")


def test_a_threshold_knows_the_predictions_it_was_chosen_on():
    chosen = choose_threshold(LABEL, P, "youden")
    written = np.array([float(f"{p:.9g}") for p in P])
    assert chosen.chosen_from(LABEL, written)
    assert not chosen.chosen_from(LABEL, P + 1e-6)
    assert not chosen.chosen_from(1 - LABEL, P)
    assert fixed_threshold(0.4).chosen_from(LABEL, P)
