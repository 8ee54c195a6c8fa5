"""The export as one straight story: made beside its place, proved, and moved there whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from medcnn.errors import UserError, require_packages
from medcnn.exporting.card import card, name_of
from medcnn.exporting.contract import config_of, write_sums
from medcnn.exporting.golden import FOLDER, write_golden
from medcnn.exporting.graph import Graph
from medcnn.exporting.onnx_file import PACKAGES, write_onnx
from medcnn.exporting.proof import Proof, prove, reproduce
from medcnn.exporting.run_files import write_run
from medcnn.exporting.settings import Export
from medcnn.exporting.subject import load_subject
from medcnn.run.directory import RunDir, write_json, write_text

SCRIPTS = (
    "predict_onnx.py",
    "read_dicom.py",
    "area_resize.py",
    "header_words.py",
    "foreign_images.py",
)
"""What travels beside the graph and needs no medcnn."""


@dataclass(frozen=True)
class Exported:
    """What came of an export.

    Attributes:
        folder: Where it lies.
        proof: How far the graph is from the network.
        reproduced: What ``predict_onnx.py`` said of the golden files.
        warnings: What a reader has to know.
    """

    folder: Path
    proof: Proof
    reproduced: str
    warnings: tuple[str, ...]


def export(asked: Export) -> Exported:
    """Export a run; where anything of it cannot be proved, nothing is left.

    Raises:
        UserError: If there is something at the output already, or the run cannot be exported.
        ExportError: If the graph does not answer as the network does.
    """
    require_packages(PACKAGES, "export", "An export")
    run = RunDir.open(asked.run, asked.data.root)
    subject = load_subject(run, asked)
    with _beside(asked.output) as folder:
        write_run(subject, RunDir(folder))
        golden = write_golden(subject, folder / FOLDER)
        write_onnx(Graph(subject.panel), subject.panel.predictor.image_size, folder / "model.onnx")
        proof = prove(subject, folder / "model.onnx", golden, asked.images, asked.batch_size)
        for name in SCRIPTS:
            source = resources.files("medcnn.exporting.standalone") / name
            write_text(folder / name, source.read_text(encoding="utf-8"))
        name = name_of(run, subject, asked.name)
        write_text(folder / "README.md", card(subject, name, asked.intended_use, proof))
        write_json(folder / "config.json", config_of(subject, folder, asked.intended_use, proof))
        write_sums(folder)
        said = reproduce(folder)
    return Exported(asked.output, proof, said, subject.warnings)


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """Yield a new folder that becomes ``output`` when the block succeeds, and is gone when not.

    Raises:
        UserError: If there is something at ``output`` already.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(
            f"There is something in {output} already.",
            expected="output=FOLDER that is not there yet, or empty",
            found="a file" if output.is_file() else f"{next(output.iterdir()).name} …",
            remedy="choose another output, or delete it",
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}-"))
    try:
        yield folder
        folder.chmod(0o755)
        if output.is_dir():
            output.rmdir()
        folder.rename(output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
