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
class RunDir:
    """The paths of one run; ``path`` is the only argument that every later command needs.

    Attributes:
        path: The directory.
        images: Where the images of its manifest lie now, if they moved; None where they did not.
    """

    path: Path
    images: Path | None = None

    @property
    def config(self) -> Path:
        """The resolved configuration, YAML."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, commit, hardware, seeds, weights' origin and every warning, JSON."""
        return self.path / "environment.json"

    @property
    def minutes(self) -> Path:
        """What a member noted of its training, for the journal of the whole, JSON."""
        return self.path / "minutes.json"

    @property
    def loggers(self) -> Path:
        """What the loggers call the run, JSON; absent without one."""
        return self.path / "loggers.json"

    @property
    def changes(self) -> Path:
        """What of the code was not committed, a patch; absent where everything was."""
        return self.path / "uncommitted.diff"

    @property
    def manifest(self) -> Path:
        """The manifest with its split column, CSV."""
        return self.path / "manifest.csv"

    @property
    def split(self) -> Path:
        """The split of every image of the source, CSV, which ``data.split`` takes back."""
        return self.path / "split.csv"

    @property
    def audit(self) -> Path:
        """The findings of the data audit, JSON."""
        return self.path / "audit.json"

    @property
    def metrics(self) -> Path:
        """Learning curves, one row an epoch, CSV."""
        return self.path / "metrics.csv"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint with the best validation score, calibrated."""
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def exported_weights(self) -> Path:
        """The weights of a run that was exported (``medcnn export``), safetensors."""
        return self.path / "model.safetensors"

    @property
    def weights(self) -> Path:
        """The file of the best weights: the checkpoint, or in an export what stands for it."""
        return self.exported_weights if self.exported_weights.is_file() else self.best_checkpoint

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint: where a resumed run goes on."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def out_of_distribution(self) -> Path:
        """What the training images look like, as plain arrays: the detector of foreign ones."""
        return self.path / "out_of_distribution.npz"

    @property
    def home(self) -> Path:
        """Features of validation, and keys of the files that it was trained on, as plain arrays."""
        return self.path / "home.npz"

    @property
    def judgement(self) -> Path:
        """How members, views and passes become one answer, fitted on validation, JSON."""
        return self.path / "judgement.json"

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

    def predictions(self, split: str) -> Path:
        """Return the predictions of one split, CSV."""
        return self.path / "predictions" / f"{split}.csv"

    @property
    def results(self) -> Path:
        """The numbers on the test split, JSON."""
        return self.path / "results.json"

    @property
    def explanations(self) -> Path:
        """Where the model finds its evidence, and how far that can be believed, JSON."""
        return self.path / "explanations.json"

    @property
    def report(self) -> Path:
        """The report, one self-contained HTML file."""
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        """The folder of the report's figures as PNG files."""
        return self.path / "figures"

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
