"""Trainings that are ill on purpose: the doctor names the illness, and its first override helps.

They run on phantoms whose findings are made as plain as each case wants them: what a real training
shows in hours, a small network shows here in a second or two.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from medcnn.data.preparation import prepare
from medcnn.data.sources.phantom.plan import Options, plan
from medcnn.data.sources.phantom.radiograph import render
from medcnn.diagnosis import diagnose
from medcnn.diagnosis.curves import auroc_error
from medcnn.diagnosis.facts import Score, read_facts
from medcnn.inspection.network import inspect
from medcnn.metrics.auroc import auroc, auroc_value
from medcnn.run.directory import RunDir, write_json
from medcnn.run.journal import Journal
from medcnn.run.settings import write_settings
from medcnn.settings.composition import compose
from medcnn.training import fitting
from medcnn.training.settings import check

SIDE = 32
COMMON = [
    "data=manifest",
    f"data.image_size={SIDE}",
    "data.batch_size=16",
    "data.num_workers=0",
    "data.audit=off",
    "augment=none",
    "scheduler=constant",
    "trainer.precision=32-true",
    "trainer.accelerator=cpu",
    "callbacks.patience=100",
]
RESIDUAL = ["model=tiny_resnet", "model.widths=[8,16]", "model.dropout=0.0"]
PLAIN = [
    "model=xray_cnn",
    "model.widths=[16,32]",
    "model.norm=none",
    "model.readout=flatten",
    "model.dropout=0.0",
]


@pytest.fixture(scope="module")
def phantoms():
    """Return labels, patients, images and masks of their findings."""
    cases = plan(Options(n_images=240, size=64, difficulty=0.0, monochrome1=0.0))
    drawn = [render(case) for case in cases]

    def small(pictures):
        stack = [cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in pictures]
        return np.stack(stack).astype(np.float64)

    images = small([each.stored.astype(np.float32) for each in drawn])
    images /= images.max(axis=(1, 2), keepdims=True)
    masks = small([(each.mask > 0).astype(np.float32) for each in drawn])
    table = pd.DataFrame(
        {
            "image_id": [case.image_id for case in cases],
            "label": [case.label for case in cases],
            "patient_id": [case.image_id.partition("_")[0] for case in cases],
        }
    )
    return table, images, masks


@dataclass(frozen=True)
class Radiographs:
    """How phantoms are made into a data set.

    Attributes:
        plain: What the mask of a finding adds to its image.
        splits: Shares of the patients in training and validation.
        train: Most images of training.
        val: Most images of validation.
        flipped: Share of wrong labels, in training …
        flipped_in_val: … and in validation.
        leaked: Images of training that stand in validation too, all with right labels.
        fogged: Most that is added to a test image, after its contrast is halved: another device.
    """

    plain: float = 0.4
    splits: tuple[float, float] = (0.6, 0.2)
    train: int = 1000
    val: int = 1000
    flipped: float = 0.0
    flipped_in_val: float = 0.0
    leaked: int = 0
    fogged: float = 0.0

    def write(self, folder, phantoms):
        """Write the images and return the path of their manifest."""
        table, images, masks = phantoms
        rng = np.random.default_rng(0)
        patients = rng.permutation(table["patient_id"].unique())
        place = pd.Series(np.arange(len(patients)) / len(patients), index=patients)
        names = np.array(["train", "val", "test"])
        split = names[
            np.searchsorted(np.cumsum(self.splits), table["patient_id"].map(place), "right")
        ]
        pixels = (images + self.plain * masks).clip(0, 1)
        if self.fogged:
            fog = rng.uniform(0, self.fogged, (len(table), 1, 1))
            pixels = np.where((split == "test")[:, None, None], pixels / 2 + fog, pixels)
        share = np.select([split == "train", split == "val"], [self.flipped, self.flipped_in_val])
        wrong = (rng.random(len(table)) < share) & ((split == "train").cumsum() > self.leaked)
        label = np.where(wrong, 1 - table["label"], table["label"])
        rows = table.assign(split=split, label=label, pixels=list(pixels))
        kept = {name: rows[rows["split"] == name] for name in names}
        kept["train"], kept["val"] = kept["train"].head(self.train), kept["val"].head(self.val)
        copies = kept["train"].head(self.leaked).copy()
        copies["image_id"] += "_copy"
        rows = pd.concat([*kept.values(), copies.assign(split="val")])
        rows["path"] = rows["image_id"] + ".png"
        for path, image in zip(rows["path"], rows["pixels"], strict=True):
            cv2.imwrite(str(folder / path), (255 * image).astype(np.uint8))
        rows.drop(columns="pixels").to_csv(folder / "manifest.csv", index=False)
        return folder / "manifest.csv"


@dataclass(frozen=True)
class Trained:
    """A training, its diagnosis, and its last weights' logits.

    Attributes:
        curves: ``metrics.csv``.
        findings: By name.
        verdict: The first of them.
        val: Logits of validation by the last weights.
        test: Logits of test by the last weights.
        dead: Share of dead channels of the last weights.
        leaks: That the audit found.
    """

    curves: pd.DataFrame
    findings: dict
    verdict: str
    val: pd.DataFrame
    test: pd.DataFrame
    dead: float
    leaks: int


@torch.inference_mode()
def logits(task, batches):
    """Return label and logit of every image by the last weights."""
    task.eval()
    parts = [(batch["label"].int(), task(batch["image"])) for batch in batches]
    label, logit = map(torch.cat, zip(*parts, strict=True))
    return pd.DataFrame({"label": label.numpy(), "logit": logit.double().numpy()})


def train(folder, manifest, overrides):
    """Train without calibration, evaluation and report."""
    settings = check(compose("train", [*COMMON, f"data.root={manifest}", *overrides]))
    run = RunDir(folder)
    run.path.mkdir()
    write_settings(run, settings)
    prepared = prepare(
        settings.data,
        progress=False,
        on_audit=lambda audit: write_json(run.audit, audit.to_json()),
    )
    prepared.manifest.write(run.manifest)
    data = fitting.build_datamodule(settings, prepared)
    journal = Journal(run, seed=0)
    fitting.train(settings, prepared, data, run, journal)
    task = fitting.build_task(settings, prepared, journal)
    task.load_state_dict(torch.load(run.last_checkpoint, weights_only=True)["state_dict"])
    val, test = (logits(task, loader) for loader in (data.val_dataloader(), data.test_dataloader()))
    curves = pd.read_csv(run.metrics)
    facts = replace(
        read_facts(run),
        dead=inspect(task.network, next(iter(data.val_dataloader()))).dead,
        val_score=score_of(val),
        test_score=score_of(test),
    )
    found = diagnose(curves, facts)
    named = {each.name: each for each in found.findings}
    return Trained(curves, named, found.verdict, val, test, facts.dead, facts.leaks)


def score_of(table):
    found = auroc(table["label"].to_numpy(), table["logit"].to_numpy())
    return Score(found.value, *found.ci)


def lowest_loss(run):
    return run.curves["val_loss"].min()


def last_loss(run):
    return run.curves["val_loss"].tail(5).median()


def wrong_certainty(run):
    """Return the log loss of the last weights on validation, whatever loss they were trained on."""
    logit, label = (torch.tensor(run.val[name].to_numpy()) for name in ("logit", "label"))
    return float(torch.nn.functional.binary_cross_entropy_with_logits(logit, label.to(logit)))


def error_on_test(run):
    return 1 - auroc_value(run.test["label"].to_numpy(), run.test["logit"].to_numpy())


def share_of_dead(run):
    return run.dead


def leaks(run):
    return run.leaks


def uncertainty(run):
    """Return the standard error of the validation AUROC."""
    abnormal = int(run.val["label"].sum())
    best = run.curves["val_auroc"].max()
    return auroc_error(best, abnormal, len(run.val) - abnormal)


ILLNESSES = {
    # name: data, how it is trained, what its first override has to lower
    "stopped_early": (Radiographs(), [*PLAIN, "trainer.max_epochs=6"], lowest_loss),
    "over_confidence": (
        Radiographs(plain=0.5, splits=(0.5, 0.4), flipped=0.1, flipped_in_val=0.1),
        [*PLAIN, "optimizer.lr=3e-3", "trainer.max_epochs=20"],
        wrong_certainty,
    ),
    "exploding_gradients": (
        Radiographs(plain=1.0),
        [*PLAIN, "optimizer=sgd", "optimizer.lr=0.1", "trainer.gradient_clip_val=null",
         "trainer.max_epochs=10"],
        lowest_loss,
    ),
    "over_fitting": (
        Radiographs(plain=0.3, flipped=0.3, train=80),
        [*PLAIN, "optimizer.lr=3e-3", "trainer.max_epochs=40"],
        last_loss,
    ),
    "train_set_too_small": (
        Radiographs(plain=0.3, splits=(0.2, 0.6)),
        [*PLAIN, "optimizer.lr=3e-3", "trainer.max_epochs=20"],
        last_loss,
    ),
    "under_fitting": (
        Radiographs(),
        [*RESIDUAL, "optimizer.lr=1e-2", "penalty.l2=0.3", "trainer.max_epochs=10"],
        lowest_loss,
    ),
    "rate_too_low": (
        Radiographs(), [*RESIDUAL, "optimizer.lr=2e-5", "trainer.max_epochs=6"], lowest_loss
    ),
    "rate_too_high": (
        Radiographs(),
        [*RESIDUAL, "optimizer=sgd", "optimizer.lr=30.0", "trainer.max_epochs=6"],
        lowest_loss,
    ),
    "dead_units": (
        Radiographs(), [*RESIDUAL, "optimizer.lr=1.0", "trainer.max_epochs=6"], share_of_dead
    ),
    "val_easier": (
        Radiographs(plain=1.0, flipped=0.5, leaked=60, val=20),
        [*RESIDUAL, "optimizer.lr=3e-2", "scheduler=cosine", "trainer.max_epochs=10",
         "data.audit=warn"],
        leaks,
    ),
    "train_test_gap": (
        Radiographs(splits=(0.5, 0.2), fogged=0.5),
        [*RESIDUAL, "optimizer.lr=1e-2", "trainer.max_epochs=12"],
        error_on_test,
    ),
    "no_signal": (
        Radiographs(),
        [*RESIDUAL, "transfer=linear_probe", "trainer.max_epochs=6"],
        lowest_loss,
    ),
}  # fmt: skip
QUICK = ("stopped_early", "over_confidence")


@pytest.mark.parametrize(
    "illness",
    [each if each in QUICK else pytest.param(each, marks=pytest.mark.long) for each in ILLNESSES],
)
def test_the_illness_is_found_and_the_first_override_helps(illness, tmp_path, phantoms):
    data, overrides, lowered = ILLNESSES[illness]
    manifest = data.write(tmp_path, phantoms)
    ill = train(tmp_path / "ill", manifest, overrides)
    assert illness in ill.findings, ill.findings
    remedy = ill.findings[illness].overrides[0]
    healed = train(tmp_path / "healed", manifest, [*overrides, remedy])
    assert lowered(healed) < lowered(ill), (remedy, ill.findings)


@pytest.mark.long
def test_cross_validation_narrows_what_a_small_validation_set_says(tmp_path, phantoms):
    overrides = [*RESIDUAL, "optimizer.lr=1e-2", "trainer.max_epochs=4"]
    manifest = Radiographs(val=10).write(tmp_path, phantoms)
    ill = train(tmp_path / "ill", manifest, overrides)
    remedy = ill.findings["val_set_too_small"].overrides[0]
    assert remedy == "data.folds=5 data.fold=all"
    folds = [
        train(tmp_path / str(fold), manifest, [*overrides, "data.folds=5", f"data.fold={fold}"])
        for fold in range(5)
    ]
    joined = replace(folds[0], val=pd.concat([fold.val for fold in folds]))
    assert uncertainty(joined) < uncertainty(ill)


@pytest.mark.long
def test_a_training_without_illness_is_left_alone(tmp_path, phantoms):
    manifest = Radiographs(plain=0.8, splits=(0.5, 0.4)).write(tmp_path, phantoms)
    cure = [*RESIDUAL, "optimizer.lr=1e-2", "scheduler=cosine", "trainer.max_epochs=20"]
    assert train(tmp_path / "run", manifest, cure).verdict == "good_fit"


@pytest.mark.long
def test_mixed_images_are_not_taken_for_an_illness(tmp_path, phantoms):
    manifest = Radiographs(plain=0.8, splits=(0.5, 0.4)).write(tmp_path, phantoms)
    mixed = ["+augment.operators.mixup.p=1.0", "+augment.operators.mixup.alpha=1.0"]
    overrides = [*RESIDUAL, "optimizer.lr=1e-2", "scheduler=cosine", "trainer.max_epochs=20"]
    run = train(tmp_path / "run", manifest, [*overrides, *mixed])
    assert all(each.severity in ("note", "good") for each in run.findings.values())
