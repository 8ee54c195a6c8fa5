"""What each part of a recipe buys at home, and on images from a source that it never saw.

    python scripts/benchmark_recipes.py --root chest_xray --out FOLDER [--sources odd,c1]

Only training images are read. Sources are of two kinds: the clusters of acquisition that
``data.fold_by=acquisition`` folds by, and ``odd``: the fifth of the normal images that a logistic
regression on the same numbers (border, grey levels, sharpness, noise, file: nothing of the lungs)
takes for abnormal, out of fold, beside a sixth of the abnormal patients. For each recipe and source a
model is trained by ``medcnn.training`` on the other sources, less a sixth of their patients, which are
its home: they choose the epoch and the threshold. A run that is in FOLDER already is not trained
again. The table shows

* home: AUROC, and the specificity where the sensitivity is 93 %;
* out of source: the mean of the AUROCs within the sources, and sensitivity and specificity over all
  of them at the threshold of home, with intervals by patient;
* the same at the threshold that is best (closest corner) on the home images and on what the models of
  the *other* sources said of their strangers: a threshold that met strangers, but not these.
"""

from __future__ import annotations

import argparse
import resource
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medcnn.data.acquisition.appearance import appearance
from medcnn.data.acquisition.column import with_acquisition
from medcnn.data.cache.images import ImageCache
from medcnn.data.manifest import Manifest
from medcnn.data.preparation import Prepared, cache_images, read_data
from medcnn.inference.loading import load_weights
from medcnn.inference.predictor import Predictor
from medcnn.inference.runs import passes_of
from medcnn.inference.settings import AskedViews
from medcnn.metrics.auroc import auroc
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.proportions import share, subset
from medcnn.metrics.thresholds import choose_threshold
from medcnn.predictions import clusters_of
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.run.settings import write_settings
from medcnn.settings.composition import compose
from medcnn.training.fitting import build_datamodule, train
from medcnn.training.pretraining import pretrain
from medcnn.training.settings import Settings, check

BASE = (
    "model=tiny_resnet",
    "augment=radiograph",
    "scheduler=one_cycle",
    "scheduler.rise=0.2",
    "optimizer.lr=3e-3",
    "optimizer.weight_decay=0.02",
    "callbacks.ema=0.99",
    "callbacks.patience=100",
    "data.batch_size=64",
    "data.num_workers=0",
)
"""What all recipes share."""
LOCAL = ("data.normalize=local",)
STRANGER = (*LOCAL, "augment=stranger")
RECIPES: dict[str, tuple[str, ...]] = {
    "before": (),
    "normalize=image": ("data.normalize=image",),
    "normalize=local": LOCAL,
    "border=reflection": ("augment=stranger",),
    "local and reflection": STRANGER,
    "+ mixup": (*STRANGER, "+augment.operators.mixup={alpha:0.4,p:0.5}"),
    "+ style": (*STRANGER, "+augment.operators.style.p=0.5"),
    "+ frame, marker, shading": (
        *STRANGER,
        "+augment.operators.frame.p=0.5",
        "+augment.operators.marker.p=0.5",
        "+augment.operators.shading.p=0.4",
    ),
    "+ noise, blur, sharpen": (
        *STRANGER,
        "+augment.operators.noise={sd:[0.0,0.05],p:0.4}",
        "+augment.operators.blur={sigma:[0.1,1.0],p:0.4}",
        "+augment.operators.sharpen={amount:[0.0,1.5],p:0.3}",
    ),
    "+ wider field and shape": (
        *STRANGER,
        "augment.operators.scale.factor=[0.75,1.4]",
        "augment.operators.stretch.factor=[0.75,1.33]",
    ),
    "+ balanced by source": (
        *STRANGER,
        "data.balance=sampler",
        "data.balance_by=[acquisition]",
    ),
    "+ mean of all steps (SWAD)": (
        *STRANGER,
        "callbacks.ema=null",
        "callbacks.swa=0.6",
        "callbacks.swa_every=step",
    ),
    "+ valley of the loss (SWAD)": (*STRANGER, "callbacks.ema=null", "callbacks.swad=1.3"),
    "+ worst group (GroupDRO)": (*STRANGER, "robust.by=[acquisition,label]"),
    "+ MixStyle": (*STRANGER, "mixstyle.p=0.5"),
    "+ JPEG": (*STRANGER, "+augment.operators.jpeg={quality:[30,95],p:0.5}"),
    "+ smaller field": (*STRANGER, "+augment.operators.crop={area:[0.5,1.0],p:0.7}"),
    "+ pretrained by autoencoder": STRANGER,
}
PRETRAINED = "+ pretrained by autoencoder"
"""Starts from an encoder of the images that it trains on, which was trained for as many epochs."""
SENSITIVITY = "sensitivity==0.93"
ODD = "odd"
"""The source of normal images that were made as abnormal ones are."""
SEEN_AT = 128
"""Pixels a side at which images are looked at for how they were made."""
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Source:
    """One source: whose images are left out of training."""

    name: str
    held_out: Bools


def sources_of(manifest: Manifest, cache: ImageCache, clusters: int) -> list[Source]:
    """Return the clusters of acquisition, each a source, and the odd images."""
    column = manifest.table["acquisition"]
    found = [Source(name, (column == name).to_numpy()) for name in sorted(column.unique()) if name]
    return [*found[:clusters], Source(ODD, odd_ones(manifest, cache))]


def odd_ones(manifest: Manifest, cache: ImageCache) -> Bools:
    """Return normal images that a probe takes for abnormal, and abnormal ones at random."""
    rows = manifest.table
    label, patient = rows["label"].to_numpy(), rows["patient_id"].to_numpy()
    numbers = np.hstack(list(appearance(rows, cache).values()))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    score = cross_val_predict(
        probe, numbers, label, groups=patient, cv=GroupKFold(5), method="decision_function"
    )
    high = score > np.quantile(score[label == 0], 0.8)
    abnormal = np.unique(patient[label == 1])
    drawn = np.random.default_rng(0).choice(abnormal, len(abnormal) // 6, replace=False)
    chosen = np.isin(patient, patient[high & (label == 0)]) & (label == 0)
    return np.asarray(chosen | ((label == 1) & np.isin(patient, drawn)))


def split_by(manifest: Manifest, source: Source, seed: int) -> Manifest:
    """Return the manifest with the source as test, a sixth of the other patients as val."""
    table = manifest.table.copy()
    # A patient with images on both sides is a stranger as a whole.
    strange = table["patient_id"].isin(table.loc[source.held_out, "patient_id"])
    table["split"] = np.where(source.held_out, "test", np.where(strange, "left out", "train"))
    others = np.random.default_rng(seed).permutation(
        np.unique(table.loc[~strange, "patient_id"].astype(str))
    )
    home = table["patient_id"].isin(others[: len(others) // 6])
    table.loc[home & ~strange, "split"] = "val"
    return manifest.with_table(table[table["split"] != "left out"])


def settings_of(recipe: str, options: argparse.Namespace, *more: str) -> Settings:
    """Return the settings of a recipe at the size and length of this comparison."""
    size = [f"data.image_size={options.size}", f"trainer.max_epochs={options.epochs}"]
    data = [f"data={options.data}", f"data.root={options.root}", f"seed={options.seed}"]
    return check(compose("train", [*BASE, *data, *size, *RECIPES[recipe], *more]))


def start(
    recipe: str, options: argparse.Namespace, prepared: Prepared, run: RunDir
) -> tuple[str, ...]:
    """Return where a recipe starts, after the encoder that it starts from is trained."""
    if recipe != PRETRAINED:
        return ()
    own = RunDir(run.path / "encoder")
    if not own.best_checkpoint.is_file():
        own.path.mkdir(parents=True, exist_ok=True)
        settings = settings_of(recipe, options, "task=autoencoder", "callbacks.monitor=val_loss")
        write_settings(own, settings)
        pretrain(settings, prepared, own, Journal(own, seed=settings.seed, echo=print))
    return (f"model.weights={own.path}",)


def predictions(
    settings: Settings, prepared: Prepared, run: RunDir
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train, and return the predictions of home and of the source: their uncalibrated logits."""
    if not (run.path / "source.csv").is_file():
        run.path.mkdir(parents=True, exist_ok=True)
        write_settings(run, settings)
        journal = Journal(run, seed=settings.seed, echo=print)
        data = build_datamodule(settings, prepared)
        train(settings, prepared, data, run, journal)
        predictor = Predictor([load_weights(run)], passes_of(AskedViews(), settings))
        for name, loader in (("home", data.val_dataloader()), ("source", data.test_dataloader())):
            table, logits = predictor.through(loader)
            table.assign(logit=logits[0, 0, 0]).to_csv(run.path / f"{name}.csv", index=False)
    home, source = (pd.read_csv(run.path / f"{name}.csv") for name in ("home", "source"))
    return home, source


def probability(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the logits as probabilities, which thresholds are chosen on."""
    return np.asarray(torch.sigmoid(torch.tensor(table["logit"].to_numpy())).numpy())


def threshold_of(table: pd.DataFrame, rule: str) -> float:
    """Return the threshold that a rule chooses on a table."""
    return choose_threshold(table["label"].to_numpy(), probability(table), rule).value


def shares(table: pd.DataFrame) -> tuple[Estimate, Estimate]:
    """Return sensitivity and specificity of a table's column ``called``, by patient."""
    label, cluster = table["label"].to_numpy(), clusters_of(table["patient_id"])
    right = (table["called"].to_numpy() == (label == 1)).astype(float)
    one, other = (share(right[label == k], subset(cluster, label == k)) for k in (1, 0))
    return one, other


def called_at(tables: list[pd.DataFrame], thresholds: list[float]) -> pd.DataFrame:
    """Return all sources' tables with what each calls abnormal at its threshold."""
    pairs = zip(tables, thresholds, strict=True)
    return pd.concat([table.assign(called=probability(table) >= at) for table, at in pairs])


def row_of(recipe: str, homes: list[pd.DataFrame], strangers: list[pd.DataFrame]) -> str:
    """Return a recipe's row of the table in Markdown."""
    at_home = [threshold_of(home, SENSITIVITY) for home in homes]
    met = []
    for number in range(len(strangers)):
        others = [*strangers[:number], *strangers[number + 1 :]]
        met.append(threshold_of(pd.concat([homes[number], *others]), "closest_corner"))
    inside = np.mean([area(table).value or np.nan for table in homes])
    outside = [area(table) for table in strangers]
    mean = np.mean([each.value or np.nan for each in outside])
    # The sources hold different patients: their errors are independent of one another.
    errors = [(each.ci[1] - each.ci[0]) / 3.92 for each in outside if each.ci]
    half = 1.96 * np.sqrt(np.sum(np.square(errors))) / len(errors)
    spec_home = shares(called_at(homes, at_home))[1]
    frozen, moved = shares(called_at(strangers, at_home)), shares(called_at(strangers, met))
    cells = [
        recipe,
        f"{inside:.3f}",
        written(spec_home),
        f"{mean:.3f} ({mean - half:.3f}–{min(mean + half, 1):.3f})",
        *(written(each) for each in (*frozen, *moved)),
    ]
    return "| " + " | ".join(cells) + " |"


def area(table: pd.DataFrame) -> Estimate:
    """Return the AUROC with its interval by patient."""
    cluster = clusters_of(table["patient_id"])
    return auroc(table["label"].to_numpy(), table["logit"].to_numpy(), cluster=cluster)


def written(estimate: Estimate) -> str:
    """Return an estimate with its interval."""
    low, high = estimate.ci or (np.nan, np.nan)
    return f"{estimate.value:.3f} ({low:.3f}–{high:.3f})"


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="chest_xray", help="or pneumoniamnist")
    parser.add_argument("--recipes", default=";".join(RECIPES), help="names, split by ;")
    parser.add_argument("--sources", default=None, help="as odd,c1; all where left out")
    for name, value in (("size", 64), ("epochs", 8), ("clusters", 4), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = settings_of("before", options).data
    manifest = read_data(data)
    seen = cache_images(manifest, replace(data, image_size=SEEN_AT), progress=False)
    manifest = with_acquisition(manifest, seen, options.clusters)
    wanted = options.sources.split(",") if options.sources else None
    sources = [
        each
        for each in sources_of(manifest, seen, options.clusters)
        if wanted is None or each.name in wanted
    ]
    cache = cache_images(manifest, data, progress=False)
    rows = []
    for recipe in options.recipes.split(";"):
        homes, strangers = [], []
        for source in sources:
            prepared = Prepared(split_by(manifest, source, seed=1), cache, None)
            run = RunDir(options.out / recipe.replace(",", "").replace(" ", "_") / source.name)
            first = start(recipe, options, prepared, run)
            settings = settings_of(recipe, options, *first, f"run_dir={run.path}")
            home, strange = predictions(settings, prepared, run)
            homes.append(home)
            strangers.append(strange)
        rows.append(row_of(recipe, homes, strangers))
        print(rows[-1], flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("\n".join(rows))
    print(f"{(used.ru_utime + used.ru_stime) / 60:.1f} CPU minutes")


if __name__ == "__main__":
    main()
