"""The part of an export that medcnn reads back: a run directory without its data.

Nothing in it names a patient, a file or a folder of where it was trained: the validation predictions,
which intervals and safeguards need, keep their patients apart by numbers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from medcnn.calibration.home import Home
from medcnn.data.settings import Data
from medcnn.exporting.subject import Subject
from medcnn.inference.loading import ORIGIN, RECIPE, TrainedModel, recipe
from medcnn.inference.settings import RunSettings
from medcnn.models.weights import NOTED
from medcnn.predictions import COLUMNS, write_predictions
from medcnn.run.directory import RunDir, write_json
from medcnn.run.entries import read_entries
from medcnn.run.hashes import hashes_of
from medcnn.run.settings import write_settings
from medcnn.version import __version__

KEPT = ("logit", "entropy", "expected_entropy", "mutual_information", "std", "variation_ratio")


def write_run(subject: Subject, target: RunDir) -> None:
    """Write everything that ``run=FOLDER`` needs."""
    members = subject.panel.predictor.members
    write_settings(target, shareable(subject.settings))
    subject.panel.judgement.save(target.judgement)
    places = [target] if len(members) == 1 else [target.member(k) for k in range(len(members))]
    for place, member in zip(places, members, strict=True):
        place.path.mkdir(parents=True, exist_ok=True)
        write_weights(member, place.exported_weights)
        if place is not target:
            write_settings(place, shareable(member.settings))
            member.judged.save(place.judgement)
    if subject.detector is not None:
        subject.detector.save(target.out_of_distribution)
    write_predictions(without_identity(subject.validation), target.predictions("val"))
    home = Home.of(subject.run) if subject.as_trained else None
    if home is not None:
        # Without the keys of the files, by which anybody could tell whether an image was trained on.
        replace(home, keys=()).save(target.home)
    _write_journal(subject.run, target)


def shareable(settings: RunSettings) -> RunSettings:
    """Return the settings without the paths of where the run was trained."""
    own = Data()
    data = replace(
        settings.data,
        root=own.root,
        roots=own.roots,
        options=own.options,
        sources=own.sources,
        split=own.split,
        cache_dir=own.cache_dir,
        exclude=own.exclude,
        source=own.source,
    )
    return replace(settings, data=data, model=settings.model.changed(weights="none"))


def write_weights(member: TrainedModel, path: Path) -> None:
    """Write the network, the statistics of its pixels and its recipe as safetensors."""
    from safetensors.torch import save_file

    state = {f"network.{name}": value for name, value in member.network.state_dict().items()}
    state["pixel_mean"] = torch.tensor(member.pixel_mean, dtype=torch.float64)
    state["pixel_std"] = torch.tensor(member.pixel_std, dtype=torch.float64)
    if member.pixel_shares is not None:
        state["pixel_shares"] = member.pixel_shares
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    noted = {RECIPE: recipe(shareable(member.settings)), ORIGIN: member.sha256}
    save_file(plain, path, metadata={NOTED: json.dumps(noted, sort_keys=True)})
    path.chmod(0o644)


def without_identity(table: pd.DataFrame) -> pd.DataFrame:
    """Return predictions whose images and patients are numbers, in the same order."""
    codes = pd.factorize(table["patient_id"].astype(str), sort=True)[0]
    width = len(str(len(table)))
    kept = [name for name in table if name in (*COLUMNS, *KEPT) or str(name).startswith("member_")]
    return table[kept].assign(
        image_id=[f"val_{row:0{width}}" for row in range(len(table))],
        patient_id=[f"p{code:0{width}}" for code in codes],
    )


def _write_journal(source: RunDir, target: RunDir) -> None:
    """Write what is known of the training, as far as it names nobody's folders, and the hashes."""
    facts: dict[str, object] = {"medcnn": __version__}
    if source.environment.is_file():
        entries = read_entries(source)
        names = ("python", "precision", "device", "versions", "commit", "dirty")
        facts |= {name: entries.content[name] for name in names if name in entries.content}
        facts |= {"seed": entries.seed, "started": entries.started, "finished": entries.finished}
        facts["test_looks"] = entries.test_looks
    write_json(target.environment, facts | {"hashes": hashes_of(target)})
