"""From a data configuration to a manifest with splits, a cache and an audit, without torch."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medcnn.data.acquisition.column import with_acquisition
from medcnn.data.audit.audit import Audit, enforce, run_audit
from medcnn.data.audit.mending import deduplicate
from medcnn.data.cache.cache import build_cache
from medcnn.data.cache.images import ImageCache
from medcnn.data.exclusion import without_excluded
from medcnn.data.limit import limited
from medcnn.data.manifest import Manifest
from medcnn.data.pseudonyms import hide_patients
from medcnn.data.settings import ACQUISITION, LEAST_SOURCES, Data
from medcnn.data.sources.chosen import source_of
from medcnn.data.sources.several import combine
from medcnn.data.splits.source_folds import default_folds
from medcnn.data.splits.sources import assign_by_source
from medcnn.data.splits.splits import assign_splits, check_classes
from medcnn.errors import ConfigError, DataError
from medcnn.io.identifiers import read_salt
from medcnn.notices import Notice
from medcnn.run.settings import TRUSTED, foreign_targets
from medcnn.settings.fields import Component

SOURCES = "medcnn.data.sources."
CLUSTERS = 5
"""Acquisition clusters, where neither their number nor that of folds is asked for."""


@dataclass(frozen=True)
class Prepared:
    """What training starts from: every image of ``manifest`` is readable and in ``cache``."""

    manifest: Manifest
    cache: ImageCache
    audit: Audit | None


def prepare(
    data: Data,
    *,
    progress: bool = True,
    on_split: Callable[[Manifest], None] | None = None,
    on_audit: Callable[[Audit], None] | None = None,
) -> Prepared:
    """Read the source, split it by patient, cache its images and audit the result.

    Args:
        data: The ``data`` group of the settings.
        progress: Whether to draw progress bars.
        on_split: Called with all images in their splits, so that the split can be saved whole.
        on_audit: Called with the audit before it may stop the run, so that it can be saved.

    Raises:
        DataError: If the source cannot be read or split.
        AuditStop: If the audit finds a leak and ``data.audit`` is ``error``.
    """
    manifest = split_manifest(_with_origins(read_data(data), data, progress), data)
    if on_split is not None:
        on_split(manifest)
    cache = cache_images(manifest, data, progress=progress)
    manifest = readable(manifest, cache)
    if data.acquisitions is not None and ACQUISITION not in manifest.table:
        manifest = with_acquisition(manifest, cache, data.acquisitions, data.split_seed)
    if data.audit == "off":
        return Prepared(
            manifest.with_table(manifest.table, "The data audit was switched off."), cache, None
        )
    manifest, audit = _audited(manifest, cache, mend=data.deduplicate)
    if on_audit is not None:
        on_audit(audit)
    enforce(audit, data.audit)
    return Prepared(manifest, cache, audit)


def _with_origins(manifest: Manifest, data: Data, progress: bool) -> Manifest:
    """Return the manifest with acquisition clusters, where folds are made of them.

    They are looked for in all images but those of a test split of the source's own, so that every
    fold has the same.
    """
    wanted = data.acquisitions or data.folds
    if not data.folds_by_source or data.fold_by != ACQUISITION or wanted is None:
        return manifest
    if ACQUISITION in manifest.table:
        return manifest
    rows = manifest.table
    if not data.official:
        manifest = manifest.with_table(rows.assign(split=""))
    cache = cache_images(manifest, data, progress=progress)
    found = with_acquisition(manifest, cache, max(wanted, LEAST_SOURCES), data.split_seed)
    return found.with_table(found.table.assign(split=rows["split"].to_numpy()))


def _audited(manifest: Manifest, cache: ImageCache, *, mend: bool) -> tuple[Manifest, Audit]:
    """Return the audit and the manifest it is of: without repeated images, if they are to go."""
    if not mend:
        return manifest, run_audit(manifest, cache)
    # Shortcuts are looked for once: what is dropped is a finding or a leak by itself.
    before = run_audit(manifest, cache, probe=False)
    mended = deduplicate(manifest, before)
    if len(mended) == len(manifest):
        return manifest, run_audit(manifest, cache)
    check_classes(mended)
    return mended, replace(run_audit(mended, cache), before=before)


def read_data(data: Data) -> Manifest:
    """Return the manifest of the one source, or of all in ``data.sources`` as one; of it a part.

    Raises:
        ConfigError: If patients are to be hashed without a salt.
        DataError: If a source cannot be read.
    """
    salt = read_salt() if data.hash_patients else None
    if data.source is None or data.sources:
        sources = {name: read_source(source_of(name, data), data.exclude) for name in data.sources}
        found = combine(sources)
    else:
        found = read_source(data.source, data.exclude)
    if data.limit is not None:
        found = limited(found, data.limit, group=data.group, seed=data.split_seed)
    return found if salt is None else hide_patients(found, salt)


def read_source(source: Component, exclude: Sequence[str] = ()) -> Manifest:
    """Return the manifest that a source's ``_target_`` reads, without what is excluded.

    Args:
        source: The target and its options.
        exclude: Patterns of paths below the source's root that are left out.

    Raises:
        ConfigError: If the target is no function of ``medcnn.data.sources`` or of a trusted package,
            or does not take its arguments.
    """
    module, _, name = source.target.rpartition(".")
    if not source.target.startswith(SOURCES) and foreign_targets({"_target_": source.target}):
        raise ConfigError(
            f"data.source may not call {source.target!r}.",
            expected=f"a function of {SOURCES}*",
            remedy="reduce your data to a manifest CSV and use data=manifest data.root=FILE.csv; or "
            f"trust your own package by {TRUSTED}=PACKAGE in the environment",
        )
    place = importlib.import_module(module)
    read: Callable[..., Manifest] = getattr(place, name)
    options = source.arguments
    try:
        inspect.signature(read).bind(**options)
    except TypeError as error:
        raise ConfigError(
            f"data.source does not fit {source.target}.",
            expected=f"what {source.target}{inspect.signature(read)} takes"[:300],
            found=str(error),
            remedy="leave the value out that it does not take, or add the one that is missing by "
            "+data.source.NAME=VALUE",
        ) from error
    if not exclude:
        return read(**options)
    # Where folders are classes, what is excluded must not be asked for its class either.
    if "exclude" in inspect.signature(read).parameters:
        return read(**{**options, "exclude": exclude})
    return without_excluded(read(**options), exclude, options.get("root"))


def folds_of(data: Data) -> int:
    """Return the number of folds: what is asked for, or what the sources give.

    Raises:
        DataError: If the source cannot be read or has no such column.
    """
    if data.folds is not None:
        return data.folds
    if data.fold_by == ACQUISITION and data.acquisitions is not None:
        return data.acquisitions
    table = read_data(data).table
    if data.fold_by == ACQUISITION and ACQUISITION not in table:
        return CLUSTERS
    train = table[table["split"].ne("test")] if data.official else table
    return default_folds(train, data.fold_by)


def split_manifest(manifest: Manifest, data: Data) -> Manifest:
    """Return the manifest with every row in train, val or test, as the configuration asks."""

    def assign(rows: Manifest, balance: Sequence[str] = ()) -> Manifest:
        return assign_splits(rows, data, balance)

    if data.sources and not (data.split or data.hold_out or data.folds_by_source):
        return assign_by_source(manifest, assign, group=data.group)
    return assign(manifest)


def cache_images(manifest: Manifest, data: Data, *, progress: bool = True) -> ImageCache:
    """Return the cache of the manifest's images at the configured size, built where it is missing."""
    return build_cache(
        manifest.table,
        size=data.image_size,
        root=Path(data.cache_dir) if data.cache_dir else None,
        exact=data.exact,
        progress=progress,
    )


def readable(manifest: Manifest, cache: ImageCache) -> Manifest:
    """Return the manifest without the images that the cache could not read, and a warning of them.

    Raises:
        DataError: If none is left.
    """
    if not cache.unreadable:
        return manifest
    broken = {entry["image_id"] for entry in cache.unreadable}
    table = manifest.table[~manifest.table["image_id"].isin(broken)]
    if table.empty:
        raise DataError(
            "None of the images could be read.",
            expected="DICOM, PNG, JPEG, TIFF or BMP files",
            found=_first_problems(cache.unreadable),
            remedy="run medcnn doctor on the folder",
        )
    return manifest.with_table(
        table,
        Notice(
            "left_out_unreadable",
            count=len(broken),
            of=len(manifest),
            names=_first_problems(cache.unreadable),
        ),
    )


def _first_problems(unreadable: Sequence[Mapping[str, str]]) -> str:
    """Return the first three in one line: what is expected and what to do stands in the audit."""
    named = "; ".join(f"{entry['image_id']} ({_in_short(entry)})" for entry in unreadable[:3])
    return named + (f"; and {len(unreadable) - 3} more" if len(unreadable) > 3 else "")


def _in_short(entry: Mapping[str, str]) -> str:
    first_line = entry["problem"].partition("\n")[0]
    return first_line.removeprefix(f"{entry['path']}: ").removesuffix(".")
