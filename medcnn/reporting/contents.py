"""What a report is made of: the files of one run, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.audit.audit import Audit
from medcnn.data.manifest import Manifest
from medcnn.errors import DataError
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.explained import Explanations, read_explanations
from medcnn.evaluation.results import Results, read_results
from medcnn.notices import restored
from medcnn.predictions import check_predictions
from medcnn.record.record import Record
from medcnn.run.directory import RunDir
from medcnn.settings.grammar import written


@dataclass(frozen=True)
class Examined:
    """Images that are none of the run's own, and their audit; None where there was none."""

    manifest: Manifest
    audit: Audit | None


@dataclass(frozen=True)
class Contents:
    """The facts of one evaluation; everything but ``results`` and ``cases`` may be absent.

    Attributes:
        name: What the report calls the run.
        results: What was measured of the cases.
        cases: The predictions that ``results`` were computed from.
        validation: The predictions of the validation split.
        config: The resolved configuration.
        config_text: The same as it was written, YAML.
        environment: The object of ``environment.json``.
        manifest: The manifest with its split column.
        audit: The object of ``audit.json``.
        metrics: The learning curves, one row an epoch, of each ``member`` where there are several.
        explanations: What ``medcnn explain`` measured.
        missing: The names of the files that were not there.
    """

    name: str
    results: Results
    cases: pd.DataFrame
    validation: pd.DataFrame | None = None
    config: dict[str, Any] = field(default_factory=dict)
    config_text: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    manifest: pd.DataFrame | None = None
    audit: dict[str, Any] = field(default_factory=dict)
    metrics: pd.DataFrame | None = None
    explanations: Explanations | None = None
    missing: tuple[str, ...] = ()

    @property
    def threshold(self) -> float:
        """The decision threshold on p_abnormal."""
        return self.results.threshold.value

    @property
    def outcomes(self) -> dict[str, int]:
        """The counts tp, fp, tn and fn."""
        return {cell: int(count) for cell, count in vars(self.results.confusion).items()}

    @property
    def label_N(self) -> npt.NDArray[np.int64]:  # noqa: N802  shape letter
        """The reference labels: 0 normal, 1 abnormal."""
        return self.cases["label"].to_numpy(dtype=np.int64)

    @property
    def score_N(self) -> npt.NDArray[np.float64]:  # noqa: N802  shape letter
        """The probabilities of being abnormal."""
        return self.cases["p_abnormal"].to_numpy(dtype=np.float64)

    @property
    def cluster_N(self) -> npt.NDArray[np.int64] | None:  # noqa: N802  shape letter
        """The patient of each case as integers from 0; None where no patient has two cases."""
        return cases_of(self.cases).cluster

    @property
    def unit(self) -> str:
        """What a case is: ``image``, ``study`` or ``patient``."""
        return self.results.unit.level if self.results.unit else "image"

    @property
    def monitor(self) -> str | None:
        """What decided which epoch's weights were kept.

        None where that is not recorded, or where the weights kept are a mean over epochs (SWA, SWAD).
        """
        found = self.setting("callbacks.monitor")
        mean = self.setting("callbacks.swa") or self.setting("callbacks.swad")
        return None if found is None or mean else str(found)

    def warnings(self) -> list[str]:
        """Return every warning of the run and of its evaluation once, as notices where they are."""
        said = self.environment
        found = restored(said.get("warnings") or [], said.get("notices") or [])
        if self.explanations is not None:
            found += self.explanations.warnings
        return list(dict.fromkeys((*found, *self.results.warnings)))

    def setting(self, *keys: str) -> Any:
        """Return the first of the dotted ``keys`` that the configuration has, or None."""
        for key in keys:
            value: Any = self.config
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None


def read_run(run: RunDir) -> Contents:
    """Read the run directory.

    Raises:
        DataError: If it has no results or not the predictions they speak of.
    """
    if not run.results.is_file():
        raise DataError(
            f"{run.path} has no results.json, so there is nothing to report.",
            expected="the results of an evaluation",
            remedy=f"run medcnn evaluate {written('run', run.path)} first",
        )
    return contents_of(run, read_results(run.results))


def contents_of(run: RunDir, results: Results) -> Contents:
    """Return the contents of a report on a run whose results are in memory.

    Raises:
        DataError: If it has not the predictions they speak of.
    """
    cases = _of_split(Record(run).predictions(results.split), results.split)
    return Contents(name=run.path.resolve().name, results=results, cases=cases, **_around(run))


def _around(run: RunDir) -> dict[str, Any]:
    """Return everything of a run but its results and the cases they speak of."""
    record = Record(run)
    wanted = (run.config, run.environment, run.manifest, run.audit, run.metrics)
    there = {path for path in (*wanted, run.predictions("val")) if path.is_file()}
    missing = [path for path in (*wanted, run.predictions("val")) if path not in there]
    return {
        "validation": record.predictions("val") if run.predictions("val") in there else None,
        "config": record.config,
        "config_text": run.config.read_text("utf-8"),
        "environment": dict(record.journal.content) if run.environment in there else {},
        "manifest": record.manifest.table if run.manifest in there else None,
        "audit": dict(record.audit.content) if run.audit in there else {},
        "metrics": _curves(record) if run.metrics in there else None,
        "explanations": read_explanations(run),
        "missing": tuple(str(path.relative_to(run.path)) for path in missing),
    }


def from_predictions(
    table: pd.DataFrame,
    results: Results,
    name: str,
    run: RunDir | None = None,
    images: Examined | None = None,
) -> Contents:
    """Return the contents of a report on predictions, of whatever framework or of a run.

    Args:
        table: The predictions that ``results`` were computed from.
        results: What was measured of them.
        name: What the report calls them.
        run: The run that made them, for its data, training and environment.
        images: What was predicted, where it is none of the run's own.
    """
    cases = _of_split(check_predictions(table), results.split)
    if run is None and images is None:
        return Contents(name=name, results=results, cases=cases)
    around = {} if run is None else _around(run)
    if images is not None:
        around |= _of_images(images, results.split, around.get("environment") or {})
    return Contents(name=name, results=results, cases=cases, **around)


def _of_images(images: Examined, split: str, environment: Mapping[str, object]) -> dict[str, Any]:
    """Return what a report says of images of elsewhere in the place of the run's own."""
    manifest = images.manifest
    data = {
        "source": manifest.source,
        "label_policy": manifest.label_policy,
        "citation": manifest.citation,
    }
    # What the run warned of stands in its own report, as its looks at its own test do.
    own = ("warnings", "notices", "test_looks")
    kept = {name: value for name, value in environment.items() if name not in own}
    return {
        "manifest": manifest.table.assign(split=split),
        "audit": {} if images.audit is None else images.audit.to_json(),
        "environment": kept | {"data": data},
    }


def _of_split(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the cases that the results speak of, with a fresh index.

    Raises:
        DataError: If there are none: figures of other cases would contradict the numbers.
    """
    rows = table[table["split"] == split]
    if rows.empty:
        raise DataError(
            f"The results speak of the split {split!r}, and the predictions have no such case.",
            expected=f"rows with split {split!r}",
            found=", ".join(sorted(map(str, set(table["split"])))),
            remedy="evaluate these predictions again",
        )
    return rows.reset_index(drop=True)


def _curves(record: Record) -> pd.DataFrame | None:
    """Return one row an epoch, of each member of an ensemble or fold of a cross-validation."""
    if not record.paths.metrics.stat().st_size:
        return None
    table = record.curves
    if "epoch" not in table:
        return None
    # Lightning's CSV logger writes training and validation of one epoch on two rows.
    models = [name for name in ("fold", "member") if name in table]
    table = table.groupby([*models, "epoch"], as_index=False).last()
    if models:
        table["member"] = table[models].astype(str).agg("/".join, axis=1)
    return table
