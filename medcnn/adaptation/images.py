"""Labelled images of elsewhere, read as a training reads them, without what a run was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from medcnn.calibration.home import Home
from medcnn.data.audit.audit import Audit, run_audit
from medcnn.data.audit.overlap import OWNER, Seen, seen_in_training
from medcnn.data.cache.images import ImageCache
from medcnn.data.checks import check_data
from medcnn.data.manifest import Manifest
from medcnn.data.owners import owned_patients
from medcnn.data.preparation import cache_images, read_data, readable
from medcnn.data.settings import Data
from medcnn.errors import ConfigError, DataError
from medcnn.inference.settings import run_settings
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.run.directory import RunDir

TRAINED = ("train", "val")
AS_TEST = "test"


@dataclass(frozen=True)
class Elsewhere:
    """Images of elsewhere.

    Attributes:
        manifest: Those that are used, all of them readable.
        cache: Their pixels.
        audit: What there is to say of them; None where it was switched off.
        unreadable: How many could not be read.
        notices: What a reader has to know.
    """

    manifest: Manifest
    cache: ImageCache
    audit: Audit | None
    unreadable: int
    notices: tuple[str, ...]


def read_elsewhere(runs: Sequence[RunDir], data: Data, split: str | None = None) -> Elsewhere:
    """Return the images that a configuration names, checked against the training of the runs.

    Args:
        runs: Their training and validation must not hold any of the images.
        data: What is read; the size of the images is that of the runs.
        split: One of the release's own splits; None: all images.

    Raises:
        ConfigError: If there is no such split.
        DataError: If nothing can be read, a class is absent, or a run was trained on some of it.
    """
    data = as_run(runs, data)
    check_data(data)
    manifest = _of_split(read_data(data), split)
    _check_classes(manifest, split)
    cache = cache_images(manifest, data)
    found = readable(manifest, cache)
    unreadable = len(manifest) - len(found)
    manifest = found
    if unreadable:
        cache = cache_images(manifest, data)
        _check_classes(manifest, split)
    seen = _seen(runs, data, manifest, cache)
    manifest, told = _unseen(manifest, seen, data, runs)
    _check_classes(manifest, split)
    audit = _audited(manifest, data)
    notices = [*manifest.warnings, *told, *_views(runs, manifest)]
    if audit is not None:
        notices += [text for text in (*audit.leaks, *audit.findings) if text not in notices]
    cache = cache_images(manifest, data)
    return Elsewhere(manifest, cache, audit, unreadable, tuple(dict.fromkeys(notices)))


def as_run(runs: Sequence[RunDir], data: Data) -> Data:
    """Return how images are read for runs: as they read theirs, at the size of the largest."""
    known = [run_settings(each).data for run in runs for each in (run.members or [run])]
    largest = max(known, key=lambda each: each.image_size)
    hidden = data.hash_patients or any(each.hash_patients for each in known)
    return replace(data, image_size=largest.image_size, exact=largest.exact, hash_patients=hidden)


def trained_rows(run: RunDir) -> pd.DataFrame:
    """Return the images that a run, and each of its members, was trained and validated on."""
    parts = []
    for each in (run, *run.members):
        if each.manifest.is_file():
            table = Record(each).manifest.table
            rows = table[table["split"].isin(TRAINED)]
            if OWNER not in rows:  # a run that was adapted says it of each image
                rows = rows.assign(**{OWNER: owned_patients(rows, run_settings(each).data)})
            parts.append(rows)
    if not parts:
        return pd.DataFrame(columns=["image_id", "path", "patient_id", "study_id", "view", OWNER])
    return pd.concat(parts).drop_duplicates("path", ignore_index=True)


def known_keys(run: RunDir) -> tuple[bytes, ...]:
    """Return the content keys of the files that a run, and each of its folds, was trained on."""
    homes = (Home.of(each) for each in (run, *run.members))
    return tuple(dict.fromkeys(key for home in homes if home for key in home.keys))


def _of_split(manifest: Manifest, split: str | None) -> Manifest:
    if split is None:
        return manifest
    if split not in set(manifest.table["split"]):
        known = sorted(set(manifest.table["split"]) - {""})
        raise ConfigError(
            f"The data {manifest.source} come without a split {split!r}.",
            expected=f"split={' | '.join(known)}, or none for all images"
            if known
            else "no split=: all images are evaluated",
            found=f"split={split}",
        )
    return manifest.with_table(manifest.table[manifest.table["split"] == split])


def _check_classes(manifest: Manifest, split: str | None) -> None:
    labels = manifest.table["label"]
    if labels.nunique() > 1:
        return
    name = {0: "normal", 1: "abnormal"}.get(int(labels.iloc[0]) if len(labels) else -1)
    raise DataError(
        f"{manifest.source} has images of one class only."
        if name
        else f"No image of {manifest.source} is left.",
        expected="normal (0) and abnormal (1) images",
        found=f"{len(labels)} images{f', all {name}' if name else ''}"
        + (f", of the split {split}" if split else ""),
        remedy="check the class folders or the label column; medcnn predict needs no labels",
    )


def _seen(runs: Sequence[RunDir], data: Data, manifest: Manifest, cache: ImageCache) -> Seen:
    trained = pd.concat([trained_rows(run) for run in runs], ignore_index=True)
    keys = {key for run in runs for key in known_keys(run)}
    table = manifest.table.assign(**{OWNER: owned_patients(manifest.table, data)})
    return seen_in_training(table, cache, trained, keys, pixels=data.audit != "off")


def _unseen(
    manifest: Manifest, seen: Seen, data: Data, runs: Sequence[RunDir]
) -> tuple[Manifest, list[Notice]]:
    """Return the images that no run was trained on; others are refused unless they may go."""
    count = int(seen.any.sum())
    told = _of_search(seen, len(manifest))
    if not count:
        return manifest, told
    kinds: dict[str, Any] = {
        name: int(getattr(seen, name).sum()) for name in ("copies", "near", "studies", "patients")
    }
    if not data.deduplicate:
        first = manifest.table["image_id"][seen.any].tolist()[:3]
        raise DataError(
            f"{count} of {len(manifest)} images of {manifest.source} belong to the training of "
            f"{', '.join(str(run.path) for run in runs)}.",
            expected="images of patients that no model was trained or validated on",
            found=f"{kinds['copies']} images of the training, {kinds['near']} copies of them in "
            f"another form, {kinds['studies']} of its studies, {kinds['patients']} images of its "
            f"patients; for example {', '.join(first)}",
            remedy="data.deduplicate=true leaves them out; split=test takes the release's own test",
        )
    told.insert(0, Notice("trained_on_left_out", n=count, of=len(manifest), **kinds))
    return manifest.with_table(manifest.table[~seen.any]), told


def _of_search(seen: Seen, n: int) -> list[Notice]:
    found = []
    if seen.looked is None:
        found.append(Notice("copies_not_asked_for"))
    elif seen.looked < seen.known:
        found.append(Notice("copies_not_looked_for", looked=seen.looked, of=seen.known))
    if seen.small:
        found.append(Notice("small_copies", count=seen.small, doubtful=seen.doubtful))
    if seen.uncropped:
        found.append(Notice("middles_not_looked_for", pairs=seen.uncropped))
    if not seen.known:
        found.append(Notice("training_unknown"))
    namesakes = int(seen.namesakes.sum())
    if namesakes:
        found.append(Notice("namesakes", count=namesakes, of=n))
    return found


def _views(runs: Sequence[RunDir], manifest: Manifest) -> list[Notice]:
    """Return a warning of views that the training does not have, where both sides name them."""
    known = {view for run in runs for view in trained_rows(run)["view"]} - {""}
    views = manifest.table["view"]
    other = views[~views.isin({*known, ""})]
    if not known or other.empty:
        return []
    return [
        Notice(
            "views_elsewhere",
            count=len(other),
            of=len(manifest),
            views=sorted(set(other)),
            known=sorted(known),
        )
    ]


def _audited(manifest: Manifest, data: Data) -> Audit | None:
    if data.audit == "off":
        return None
    # One split: no side can leak into another, and what stands twice is a finding.
    whole = manifest.with_table(manifest.table.assign(split=AS_TEST))
    return run_audit(whole, cache_images(whole, data), probe=False)
