"""The DICOM results of a prediction: of each row of the table its objects, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from pydicom.dataset import Dataset

from medcnn.calibration.detector import FLAG, REASONS
from medcnn.calibration.frequency import LEVEL, METHOD
from medcnn.evaluation.referral import COLUMN as REFERRED
from medcnn.inference.decision import HIGH, LOW, Decision
from medcnn.inference.folder import Results
from medcnn.inference.runs import Panel
from medcnn.inference.settings import Predict
from medcnn.inference.table import DICOM
from medcnn.io import read_image
from medcnn.pacs.capture import LONGEST, build_capture, draw
from medcnn.pacs.heat import Heater
from medcnn.pacs.identity import Judge, digest_of
from medcnn.pacs.outline import build_outline, outlines, pixel_shape
from medcnn.pacs.report import Outcome, build_report
from medcnn.pacs.source import NoResultError, Source, quiet, read_source
from medcnn.run.directory import atomic_path

LONGEST_NAME = 50
_NOT_OF_THE_MODEL = ("input", "pseudonyms")


def results_of(options: Predict, name: str) -> Results:
    """Return what makes the results, once the model and how it decides are known.

    Args:
        options: What is asked for.
        name: Of the model, in its reports.
    """

    def make(panel: Panel, identity: Mapping[str, object], decision: Decision) -> DicomFolder:
        folder = options.results.dicom
        if folder is None:
            raise AssertionError("asked for only with a folder")
        method = options.results.heat
        heater = None if method is None else Heater(panel.predictor, method)
        judge = judge_of(name, panel, identity, decision)
        return DicomFolder(folder, options.input, judge, heater)

    return make


def judge_of(name: str, panel: Panel, identity: Mapping[str, object], decision: Decision) -> Judge:
    """Return what reports say of the model.

    Args:
        name: Of the model.
        panel: Its members and their operating point.
        identity: What tells it from others; ``input`` and the patients' salt are none of the model's.
        decision: How it decides.
    """
    facts = {key: value for key, value in identity.items() if key not in _NOT_OF_THE_MODEL}
    facts |= {
        "name": name,
        "safeguards": asdict(decision.asked),
        "threshold": panel.threshold.digest,
    }
    words = f"{LEVEL:.0%}, {METHOD}" if decision.val is not None else ""
    checkpoints = tuple(member.sha256 for member in panel.predictor.members)
    short = name.replace("\\", "/")[:LONGEST_NAME]  # fits into any element that holds one
    return Judge(short, checkpoints, panel.threshold, digest_of(facts), words)


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """Return what a row of the table says of its image."""
    interval = None
    if pd.notna(row.get(LOW)) and pd.notna(row.get(HIGH)):
        interval = float(row[LOW]), float(row[HIGH])
    foreign = str(row.get(REASONS) or "") if row.get(FLAG) == 1 else ""
    referred = row.get(REFERRED)
    return Outcome(
        float(row["p_abnormal"]),
        interval,
        str(row["decision"]),
        bool(referred) if pd.notna(referred) else None,
        foreign or ("its features" if row.get(FLAG) == 1 else ""),
    )


class DicomFolder:
    """Writes the results of rows into a folder, each file named by its UID.

    Args:
        folder: Where they go.
        root: The input that rows are named relative to.
        judge: The model.
        heater: Makes heat maps; None: there are none.
    """

    columns: tuple[str, ...] = DICOM
    warnings: tuple[str, ...] = ()

    def __init__(
        self, folder: Path, root: Path, judge: Judge, heater: Heater | None = None
    ) -> None:
        self.folder, self.root, self.judge, self.heater = folder, root, judge, heater
        self._seen: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the file of each one's report, or why there is none."""
        told = [self._one({str(k): v for k, v in row.items()}) for row in rows.to_dict("records")]
        return rows.assign(
            **{name: list(each) for name, each in zip(DICOM, zip(*told, strict=True), strict=True)}
        )

    def _one(self, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
        if pd.isna(row["p_abnormal"]):
            return None, "there is no prediction"
        path = self.root / row["image_id"] if self.root.is_dir() else self.root
        try:
            source = read_source(path)
        except NoResultError as error:
            return None, str(error)
        if source.uid in self._seen:
            return None, "another file has the same SOP Instance UID"
        self._seen.add(source.uid)
        return self._write(self._made(source, outcome_of(row), path)), None

    def _made(self, source: Source, outcome: Outcome, path: Path) -> list[Dataset]:
        with quiet():
            report = build_report(source, outcome, self.judge)
            # Nothing was decided of a foreign image that heat could explain.
            if self.heater is None or outcome.foreign:
                return [report]
            return [report, *self._pictures(source, self.heater, path)]

    def _pictures(self, source: Source, heater: Heater, path: Path) -> list[Dataset]:
        heat, image = heater.of(path), source.reference
        pixels = read_image(path, min_size=LONGEST, exact=False).pixels
        words = f"medcnn {self.judge.name} {heater.method}"
        picture = draw(pixels, heat, pixel_shape(source.header), words)
        found = [build_capture(source, picture, heater.method, self.judge)]
        polygons = outlines(heat, image.Rows, image.Columns)
        if polygons:
            found.append(build_outline(source, polygons, heater.method, self.judge))
        return found

    def _write(self, objects: list[Dataset]) -> str:
        """Write them, and return the name of the first, which is the report."""
        for each in objects:
            with quiet(), atomic_path(self.folder / _file_name(each)) as temporary:
                each.save_as(temporary, enforce_file_format=True)
        return _file_name(objects[0])


def _file_name(dataset: Dataset) -> str:
    return f"{dataset.SOPInstanceUID}.dcm"
