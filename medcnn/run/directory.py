"""The run directory: the names of what a run leaves, and how it is written.

Everything is written under a temporary name and renamed, so that a run killed at any moment leaves
whole files or none.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcnn.errors import UserError
from medcnn.files.remote import check_mounted


@dataclass(frozen=True)
class File:
    """The path of a file of a run, by its name below the directory."""

    name: str

    def __get__(self, run: RunDir, kind: type[RunDir]) -> Path:
        """Return the path in one run."""
        return run.path / self.name


@dataclass(frozen=True)
class RunDir:
    """The paths of one run; ``path`` is the only argument that every later command needs.

    Attributes:
        path: The directory.
        images: Where the images of its manifest lie now, if they moved; None where they did not.
    """

    path: Path
    images: Path | None = None

    config = File("config.yaml")
    """The resolved configuration, YAML."""
    environment = File("environment.json")
    """Versions, commit, hardware, seeds, weights' origin and every warning, JSON."""
    minutes = File("minutes.json")
    """What a member noted of its training, for the journal of the whole, JSON."""
    loggers = File("loggers.json")
    """What the loggers call the run, JSON; absent without one."""
    changes = File("uncommitted.diff")
    """What of the code was not committed, a patch; absent where everything was."""
    manifest = File("manifest.csv")
    """The manifest with its split column, CSV."""
    folds = File("folds.csv")
    """Of a cross-validation: the fold that each image was held out from, CSV."""
    split = File("split.csv")
    """The split of every image of the source, CSV, which ``data.split`` takes back."""
    audit = File("audit.json")
    """The findings of the data audit, JSON."""
    metrics = File("metrics.csv")
    """Learning curves, one row an epoch, CSV."""
    best_checkpoint = File("checkpoints/best.ckpt")
    """The checkpoint with the best validation score, calibrated."""
    last_checkpoint = File("checkpoints/last.ckpt")
    """The newest checkpoint: where a resumed run goes on."""
    exported_weights = File("model.safetensors")
    """The weights of a run that was exported (``medcnn export``), safetensors."""
    out_of_distribution = File("out_of_distribution.npz")
    """What the training images look like, as plain arrays: the detector of foreign ones."""
    home = File("home.npz")
    """Features of validation, and keys of the files that it was trained on, as plain arrays."""
    judgement = File("judgement.json")
    """How members, views and passes become one answer, fitted on validation, JSON."""
    results = File("results.json")
    """The numbers on the test split, JSON."""
    explanations = File("explanations.json")
    """Where the model finds its evidence, and how far that can be believed, JSON."""
    report = File("report.html")
    """The report, one self-contained HTML file."""
    figures = File("figures")
    """The folder of the report's figures as PNG files."""

    def predictions(self, split: str) -> Path:
        """Return the predictions of one split, CSV."""
        return self.path / "predictions" / f"{split}.csv"

    @property
    def weights(self) -> Path:
        """The file of the best weights: the checkpoint, or in an export what stands for it."""
        return self.exported_weights if self.exported_weights.is_file() else self.best_checkpoint

    def member(self, number: int) -> RunDir:
        """Return the directory of one member of an ensemble, numbered from 0."""
        return RunDir(self.path / "members" / str(number))

    @property
    def members(self) -> list[RunDir]:
        """The members of an ensemble in order; empty for a single model."""
        count = 0
        while self.member(count).config.is_file():
            count += 1
        return [self.member(number) for number in range(count)]

    @classmethod
    def open(cls, path: str | Path, images: Path | None = None) -> RunDir:
        """Return the run directory at ``path``, whose images may have moved to ``images``.

        Raises:
            UserError: If there is no run there.
        """
        check_mounted(path, "run")
        run = cls(Path(path), images)
        if not run.config.is_file():
            raise UserError(
                f"{run.path} is not a run directory.",
                expected="a folder that train.py left, with a config.yaml in it",
                found="no such folder" if not run.path.exists() else "no config.yaml",
                remedy="give the folder that train.py printed at its end",
            )
        return run


TEMPORARY = re.compile(r"\.[\w.]+-[a-z0-9_]{8}\.\w+")
"""The name of a file that is being written: that of the file, eight random characters, its suffix."""


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that is renamed to it when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        # A full disk does not say of itself which one it is.
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as strict JSON (NaN is an error), atomically."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
