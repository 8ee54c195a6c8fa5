"""Curves with one illness each, and a doctor who has to name it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medcnn.diagnosis import diagnose
from medcnn.diagnosis.facts import Facts, Score, Split
from medcnn.errors import DataError
from medcnn.settings.composition import compose
from medcnn.training.settings import check

EPOCHS = np.arange(20)
SETTINGS = {
    "optimizer": {"lr": 1e-3, "weight_decay": 0.01},
    "model": {"backbone": "resnet18", "dropout": 0.0, "init": "default"},
    "scheduler": {
        "_target_": "medcnn.training.optimizers.schedules.Cosine",
        "warmup_fraction": 0.1,
    },
    "augment": {"operators": {}},
    "loss": {"name": "bce", "label_smoothing": 0.0},
    "data": {"balance": "none", "image_size": 64},
    "trainer": {"max_epochs": 20},
    "callbacks": {"patience": 3, "monitor": "val_auroc"},
}
FACTS = Facts(settings=SETTINGS, train=Split(1500, 1500), val=Split(400, 400))


def falling(start, end, pace=3.0, epochs=EPOCHS):
    return end + (start - end) * np.exp(-epochs / pace)


def table(train, val, *, seed=0, jitter=(0.004, 0.008), auroc=(0.985, 0.97), ranked=0.0):
    rng = np.random.default_rng(seed)
    epochs = np.arange(len(train))
    return pd.DataFrame(
        {
            "epoch": epochs,
            "train_loss": train + jitter[0] * rng.standard_normal(len(train)),
            "val_loss": val + jitter[1] * rng.standard_normal(len(train)),
            "train_auroc": auroc[0] - 0.3 * np.exp(-epochs / 2),
            "val_auroc": auroc[1] - 0.3 * np.exp(-epochs / 2) + ranked,
            "lr": 1e-3,
        }
    )


def flat(level):
    return np.full(len(EPOCHS), level)


RISING = falling(0.6, 0.2, 2) + 0.03 * np.clip(EPOCHS - 6, 0, None)
ILLNESSES = {
    "good_fit": table(falling(0.6, 0.15), falling(0.6, 0.18)),
    "over_fitting": table(
        falling(0.6, 0.01, 5), RISING, ranked=-0.004 * np.clip(EPOCHS - 6, 0, None)
    ),
    "over_confidence": table(falling(0.6, 0.01, 5), RISING),
    "under_fitting": table(falling(0.69, 0.58, 2), falling(0.69, 0.59, 2), auroc=(0.74, 0.73)),
    "stopped_early": table(falling(0.69, 0.0, 14), falling(0.69, 0.02, 14)),
    "rate_too_low": table(0.72 - 0.003 * EPOCHS, 0.72 - 0.003 * EPOCHS, jitter=(0.001, 0.001),
                          auroc=(0.62, 0.61)),
    "rate_too_high": table(0.45 + 0.15 * np.cos(np.pi * EPOCHS * 0.9), flat(0.6), auroc=(0.8, 0.7)),
    "diverged": table(np.concatenate([falling(0.6, 0.3)[:10], flat(4.0)[:10]]), flat(2.0)),
    "no_signal": table(flat(0.693), flat(0.694), auroc=(0.505, 0.5)),
    "train_set_too_small": table(falling(0.6, 0.02, 2), falling(0.6, 0.35, 2), auroc=(0.999, 0.93)),
    "val_easier": table(falling(0.6, 0.3), falling(0.6, 0.2)),
    "bad_initialisation": table(falling(2.5, 0.2, 1.5), falling(0.6, 0.2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("illness", ILLNESSES)
def test_each_illness_is_named_first(illness):
    found = diagnose(ILLNESSES[illness], FACTS)
    assert found.verdict == illness, found.lines()
    assert found.findings[0].evidence
    if illness != "good_fit":
        assert found.first_override


def test_overrides_fit_the_schedule_and_the_optimiser_of_the_run():
    other = {**SETTINGS, "scheduler": {"gamma": 0.1}, "optimizer": {"lr": 0.1}}
    other["model"] = {"backbone": "xrv"}
    facts = Facts(settings=other, train=FACTS.train, val=FACTS.val)
    start = diagnose(ILLNESSES["bad_initialisation"], facts).findings[0].overrides
    assert start == ("scheduler=cosine", "optimizer.lr=0.033")
    held = diagnose(ILLNESSES["over_fitting"], facts).findings[0].overrides
    assert held == ("augment=cxr", "optimizer.lr=0.033")


@pytest.mark.each("seed", range(12))
def test_a_good_fit_is_left_alone_whatever_the_noise(seed):
    curves = table(falling(0.6, 0.15), falling(0.6, 0.18), seed=seed)
    found = diagnose(curves, FACTS)
    assert [each.name for each in found.findings] == ["good_fit"]
    assert found.first_override is None


@pytest.mark.parametrize(
    ("name", "lr", "verdict"),
    [
        ("adamw", 1e-6, "rate_too_low"),
        ("adamw", 0.5, "rate_too_high"),
        ("adamw", 1e-3, "no_signal"),
        ("sgd", 1e-5, "rate_too_low"),
        ("lbfgs", 1e-6, "no_signal"),
    ],
)
def test_where_nothing_was_learnt_an_unusual_rate_is_the_first_suspect(name, lr, verdict):
    settings = {**SETTINGS, "optimizer": {"name": name, "lr": lr}}
    facts = Facts(settings=settings, train=FACTS.train, val=FACTS.val)
    assert diagnose(ILLNESSES["no_signal"], facts).verdict == verdict


def test_a_spike_that_is_recovered_from_is_no_divergence():
    curves = table(falling(0.6, 0.15), falling(0.6, 0.18))
    curves.loc[3, "train_loss"] = 5.0
    assert "diverged" not in [each.name for each in diagnose(curves, FACTS).findings]


def test_over_fitting_names_the_inflection():
    found = diagnose(ILLNESSES["over_fitting"], FACTS)
    assert abs(found.findings[0].epoch - 6) <= 1
    assert found.findings[0].overrides[0] == "augment=cxr"


def test_where_validation_is_ranked_no_worse_the_probabilities_are_at_fault():
    curves = ILLNESSES["over_confidence"]
    found = diagnose(curves, FACTS).findings[0]
    assert found.severity == "caution" and found.overrides[0] == "calibration=temperature"
    calibrated = replace(FACTS, settings={**SETTINGS, "calibration": "temperature"})
    found = diagnose(curves, calibrated).findings[0]
    assert found.severity == "note" and found.overrides[0] == "loss.label_smoothing=0.1"
    assert abs(found.epoch - 6) <= 1


def test_what_never_ranked_validation_is_over_fitted_however_steady_its_auroc():
    curves = ILLNESSES["over_confidence"].assign(val_auroc=0.51)
    assert diagnose(curves, FACTS).verdict == "over_fitting"


def test_a_fall_of_the_auroc_within_its_error_is_none():
    curves = ILLNESSES["over_confidence"]
    curves = curves.assign(
        val_auroc=np.where(EPOCHS == 7, 0.981, curves["val_auroc"].clip(0, 0.97))
    )
    few = replace(FACTS, val=Split(30, 30))
    assert "over_confidence" in [each.name for each in diagnose(curves, few).findings]


def test_mixed_images_are_read_by_what_validation_shows():
    mixed = {**SETTINGS, "augment": {"operators": {"mixup": {"alpha": 1.0, "p": 1.0}}}}
    curves = table(falling(0.69, 0.6, 2), falling(0.6, 0.2), auroc=(0.85, 0.97))
    facts = replace(FACTS, settings=mixed)
    named = {each.name: each.severity for each in diagnose(curves, facts).findings}
    assert set(named.values()) <= {"note", "good"}, named
    # Whole batches are mixed or not, so that the training loss jumps by chance.
    jumping = table(falling(0.6, 0.4), falling(0.6, 0.2), jitter=(0.05, 0.005))
    assert "rate_too_high" in [each.name for each in diagnose(jumping, FACTS).findings]
    assert "rate_too_high" not in [each.name for each in diagnose(jumping, facts).findings]


def test_nothing_is_advised_that_the_run_did_already():
    clipped = {**SETTINGS, "trainer": {"max_epochs": 20, "gradient_clip_val": 1.0}}
    curves = ILLNESSES["diverged"]
    advice = diagnose(curves, replace(FACTS, settings=clipped)).findings[0].overrides
    assert "trainer.gradient_clip_val=1.0" not in advice
    assert "trainer.gradient_clip_val=1.0" in diagnose(curves, FACTS).findings[0].overrides


def test_a_validation_loss_that_leaps_beyond_chance_is_a_rate_too_high():
    leaps = falling(0.6, 0.15) + 5 * (EPOCHS % 2)
    found = diagnose(table(falling(0.6, 0.15), leaps), FACTS)
    assert found.verdict == "rate_too_high" and "BatchNorm" in found.findings[0].evidence


def test_a_rate_above_the_usual_is_not_called_too_low():
    slow = ILLNESSES["rate_too_low"]
    settings = {**SETTINGS, "optimizer": {"name": "adamw", "lr": 1e-2}}
    names = [each.name for each in diagnose(slow, replace(FACTS, settings=settings)).findings]
    assert "rate_too_low" not in names and "under_fitting" in names


def test_a_loss_that_is_no_number_is_divergence():
    curves = table(falling(0.6, 0.15), falling(0.6, 0.18))
    curves.loc[7:, "train_loss"] = np.nan
    found = diagnose(curves, FACTS)
    assert found.verdict == "diverged"
    assert found.findings[0].epoch == 7
    assert found.findings[0].overrides[0] == "optimizer.lr=0.0001"


def test_a_small_or_jumping_validation_split_is_said():
    perfect = ILLNESSES["good_fit"].assign(val_auroc=1.0)
    tiny = replace(FACTS, val=Split(4, 4))
    assert "val_set_too_small" in [each.name for each in diagnose(perfect, tiny).findings]
    small = Facts(settings=SETTINGS, train=Split(1500, 1500), val=Split(12, 10))
    names = [each.name for each in diagnose(ILLNESSES["good_fit"], small).findings]
    assert names == ["val_set_too_small", "good_fit"]
    jumping = table(falling(0.6, 0.15), falling(0.6, 0.18), jitter=(0.002, 0.05))
    assert "val_set_too_small" in [each.name for each in diagnose(jumping, FACTS).findings]


def test_an_easier_validation_is_expected_under_augmentation_and_a_problem_with_leaks():
    curves = ILLNESSES["val_easier"]
    augmented = {**SETTINGS, "augment": {"operators": {"rotation": {"degrees": 5}}}}
    found = diagnose(curves, Facts(settings=augmented, train=FACTS.train, val=FACTS.val))
    easier = next(each for each in found.findings if each.name == "val_easier")
    assert easier.severity == "note" and "augmentation" in easier.says and not easier.overrides
    leaking = Facts(settings=augmented, train=FACTS.train, val=FACTS.val, leaks=3)
    found = diagnose(curves, leaking)
    assert found.verdict == "val_easier" and found.findings[0].severity == "problem"
    assert found.first_override == "data.deduplicate=true"


def test_a_gap_to_test_beyond_chance_is_said_and_one_within_is_not():
    scores = {"val_score": Score(0.99, 0.985, 0.995), "test_prevalence": 0.62}
    facts = {"settings": SETTINGS, "train": FACTS.train, "val": Split(100, 300)}
    far = Facts(**facts, **scores, test_score=Score(0.95, 0.93, 0.97))
    gap = next(
        e for e in diagnose(ILLNESSES["good_fit"], far).findings if e.name == "train_test_gap"
    )
    assert "prevalence 0.75 against 0.62" in gap.evidence
    assert "prior_shift=em_if_trusted" in gap.overrides
    near = Facts(**facts, **scores, test_score=Score(0.985, 0.97, 0.995))
    assert "train_test_gap" not in [e.name for e in diagnose(ILLNESSES["good_fit"], near).findings]


def test_gradients_and_dead_units_are_read_where_they_are_known():
    curves = ILLNESSES["good_fit"].assign(gradient_norm=np.where(EPOCHS == 5, 900.0, 1.0))
    assert diagnose(curves, FACTS).verdict == "good_fit"  # a hard batch, of which nothing came
    curves.loc[5, "train_loss"] = 0.9
    found = diagnose(curves, FACTS)
    assert found.verdict == "exploding_gradients" and found.findings[0].epoch == 5
    dead = replace(FACTS, dead=0.6)
    ill = {each.name: each for each in diagnose(ILLNESSES["under_fitting"], dead).findings}
    assert ill["dead_units"].severity == "problem"
    spared = {each.name: each for each in diagnose(ILLNESSES["good_fit"], dead).findings}
    assert spared["dead_units"].severity == "note" and "good_fit" in spared


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_too_few_epochs_are_not_over_read(epochs):
    curves = ILLNESSES["over_fitting"].head(epochs)
    short = Facts(
        settings={**SETTINGS, "trainer": {"max_epochs": epochs}}, train=FACTS.train, val=FACTS.val
    )
    found = diagnose(curves, short)
    assert found.verdict == "stopped_early"
    assert found.first_override == "trainer.max_epochs=10"


@pytest.mark.parametrize("name", ["focal", "hinge"])
def test_losses_without_a_known_chance_are_read_by_rank(name):
    settings = {**SETTINGS, "loss": {"name": name}}
    facts = Facts(settings=settings, train=FACTS.train, val=FACTS.val)
    assert facts.chance is None
    assert diagnose(ILLNESSES["under_fitting"], facts).verdict == "under_fitting"
    assert diagnose(ILLNESSES["good_fit"], facts).verdict == "good_fit"


def test_chance_is_the_entropy_of_the_prevalence():
    from scipy.stats import entropy

    facts = Facts(settings=SETTINGS, train=Split(30, 70))
    assert facts.chance == pytest.approx(entropy([0.3, 0.7]))
    weighted = {**SETTINGS, "loss": {"name": "bce", "positive_weight": 2.0}}
    assert Facts(settings=weighted, train=Split(30, 70)).chance is None


def test_bare_curves_of_any_framework_are_read_too():
    curves = ILLNESSES["over_fitting"][["train_loss", "val_loss"]]
    assert diagnose(curves).verdict == "over_fitting"
    assert diagnose(pd.DataFrame({"train_loss": falling(0.6, 0.1)})).verdict == "good_fit"
    with pytest.raises(DataError, match="no learning curves"):
        diagnose(pd.DataFrame({"loss": [1.0]}))


def test_every_override_is_one_that_a_training_takes():
    given = set()
    for curves in ILLNESSES.values():
        for settings in (
            SETTINGS,
            {**SETTINGS, "model": {"backbone": "tiny_resnet", "dropout": 0.5},
             "optimizer": {"lr": 1e-3, "weight_decay": 0.5},
             "transfer": {"_target_": "medcnn.models.transfer.LinearProbe"},
             "augment": {"operators": {key: {} for key in "abcdefghijkl"}}},
        ):  # fmt: skip
            facts = Facts(settings=settings, train=FACTS.train, val=Split(12, 10), dead=0.3)
            for finding in diagnose(curves, facts).findings:
                given.update(text for text in finding.overrides if "fold=all" not in text)
    assert len(given) > 15
    # Composed together as far as they speak of different keys, because composing takes time;
    # group choices apart, because they change which keys there are.
    for part in (
        {text for text in given if "." in text.partition("=")[0]},
        {text for text in given if "." not in text.partition("=")[0]},
    ):
        while part:
            batch = {text.partition("=")[0]: text for text in sorted(part)}
            part -= set(batch.values())
            check(compose("train", list(batch.values())))


def test_the_first_finding_decides_and_the_rest_is_ordered_by_severity():
    from medcnn.diagnosis.facts import SEVERITIES

    for curves in ILLNESSES.values():
        ranks = [SEVERITIES.index(each.severity) for each in diagnose(curves, FACTS).findings]
        assert ranks == sorted(ranks)
