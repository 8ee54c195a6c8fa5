"""Making the phantom's files, in parallel, once: a cache folder named by the options."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
from loky import ProcessPoolExecutor, cpu_count

from medcnn.console import progress_bars
from medcnn.data.manifest import Manifest, build_manifest, read_table
from medcnn.data.sources.phantom.dicom import dicom_bytes, patient_id, study_uid
from medcnn.data.sources.phantom.plan import Case, Options, plan
from medcnn.data.sources.phantom.radiograph import render
from medcnn.errors import DataError, unknown_name
from medcnn.run.directory import atomic_path, write_json

# Part of the digest: raised whenever the same options give other pixels.
VERSION = 2
CHUNK = 8
FEW = 64  # cases, which one process has made before others have begun
LABEL_POLICY = "simulated with any of five findings is abnormal, without is normal"
CITATION = "medcnn phantom: simulated chest radiographs, no patient"


def read(root: str | Path | None = None, *, workers: int | None = None, **options: Any) -> Manifest:
    """Return the manifest of the phantom, making what is missing of its files first.

    Args:
        root: Where the files go; by default a folder of the cache that is named by the options
            (``$MEDCNN_CACHE`` or the platform's cache folder).
        workers: Processes that make images; by default one for each core.
        options: See ``Options``.

    Raises:
        ConfigError: If an option is out of range.
        DataError: If ``root`` holds a phantom that was made with other options.
    """
    known = [each.name for each in dataclasses.fields(Options)]
    for name in options:
        if name not in known:
            raise unknown_name("option of the phantom", name, known)
    chosen = Options(**options)
    folder = Path(root).expanduser() if root else default_folder(chosen)
    folder = folder.resolve()
    if not is_complete(folder, chosen):
        make(folder, chosen, workers)
    return build_manifest(
        _read_paths(folder), source="phantom", label_policy=LABEL_POLICY, citation=CITATION
    )


def digest_of(options: Options) -> str:
    """Return 16 hexadecimal digits that name the options and the version of the simulation."""
    text = json.dumps({"version": VERSION, **options.as_dict()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def default_folder(options: Options) -> Path:
    """Return the folder of the cache where a phantom with these options lies."""
    return cache_folder() / "phantom" / digest_of(options)


def cache_folder() -> Path:
    """Return ``$MEDCNN_CACHE``, or medcnn's folder in the cache folder of the platform."""
    if os.environ.get("MEDCNN_CACHE"):
        return Path(os.environ["MEDCNN_CACHE"]).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "medcnn"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/medcnn"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medcnn"


def is_complete(folder: Path, options: Options) -> bool:
    """Return whether ``folder`` holds this phantom whole; the manifest is written last.

    Raises:
        DataError: If the folder holds a phantom with other options.
    """
    facts = folder / "options.json"
    if not facts.is_file():
        return False
    made = json.loads(facts.read_text(encoding="utf-8"))
    wanted = {"version": VERSION, **options.as_dict()}
    if made != wanted:
        differing = sorted(k for k in {*made, *wanted} if made.get(k) != wanted.get(k))
        raise DataError(
            f"{folder} holds a phantom that was made with other options.",
            expected=", ".join(f"{k}={wanted.get(k, 'as usual')}" for k in differing),
            found=", ".join(f"{k}={made.get(k, 'as usual')}" for k in differing),
            remedy="give another folder as data.root, or none to use the cache",
        )
    return (folder / "manifest.csv").is_file()


def make(folder: Path, options: Options, workers: int | None = None) -> None:
    """Make the files of a phantom in ``folder``; files that are there already are kept.

    Every file appears whole under its name, and the same case always gives the same bytes, so a
    killed run is continued and two runs at once do no harm.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    cases, digest = plan(options), digest_of(options)
    write_json(folder / "options.json", {"version": VERSION, **options.as_dict()})
    missing = [case for case in cases if not (folder / image_path(case)).is_file()]
    if missing:
        _render_all(folder, missing, digest, workers or int(cpu_count()))
    table = pd.DataFrame([_row(case, digest) for case in cases])
    with atomic_path(folder / "manifest.csv") as temporary:
        table.to_csv(temporary, index=False)


def image_path(case: Case) -> str:
    """Return the path of a case's DICOM file, relative to the folder of the phantom."""
    return f"images/{case.image_id}.dcm"


def mask_path(case: Case) -> str:
    """Return the relative path of the mask of a case's findings, empty for a normal case."""
    return f"masks/{case.image_id}.png" if case.findings else ""


def write_case(folder: Path, digest: str, case: Case) -> None:
    """Render one case and write its mask and its DICOM file, the file that counts last."""
    image = render(case)
    if case.findings:
        with atomic_path(folder / mask_path(case)) as temporary:
            cv2.imwrite(str(temporary), image.mask)
    with atomic_path(folder / image_path(case)) as temporary:
        temporary.write_bytes(dicom_bytes(case, image, digest))


def _render_all(folder: Path, cases: list[Case], digest: str, workers: int) -> None:
    task = partial(write_case, folder, digest)
    if workers == 1 or len(cases) <= FEW:
        _watch(map(task, cases), len(cases))
        return
    # A fork copies the locks of torch's and OpenCV's threads without the threads, and waits for them
    # for ever; loky starts its workers clean, and does not run the user's script again.
    single = partial(cv2.setNumThreads, 1)
    with ProcessPoolExecutor(min(workers, len(cases)), initializer=single) as pool:
        _watch(pool.map(task, cases, chunksize=CHUNK), len(cases))


def _watch(done: Iterable[None], total: int) -> None:
    with progress_bars(leave=True) as bar:
        for _ in bar.track(done, total=total, description="making phantom radiographs"):
            pass


def _row(case: Case, digest: str) -> dict[str, object]:
    return {
        "image_id": case.image_id,
        "path": image_path(case),
        "label": case.label,
        "patient_id": patient_id(case),
        "study_id": str(study_uid(case, digest)),
        "view": case.acquisition.view,
        "split": "",
        "sex": case.body.sex,
        "age": case.body.age,
        "finding": "|".join(case.findings),
        "marker": case.acquisition.marker,
        "mask_path": mask_path(case),
    }


def _read_paths(folder: Path) -> pd.DataFrame:
    table = read_table(folder / "manifest.csv")
    for name in ("finding", "marker", "mask_path"):
        table[name] = table[name].fillna("").astype(str)
    table["mask_path"] = [str(folder / p) if p else "" for p in table["mask_path"]]
    return table
