"""One trained run with a detector, and what ``medcnn export`` makes of it."""

import contextlib
import sys
from pathlib import Path

import pytest

import medcnn
from medcnn.cli import run
from medcnn.exporting import standalone
from medcnn.run.directory import RunDir

# As whoever gets an export runs them: beside one another, as scripts.
sys.path.insert(0, str(Path(standalone.__file__).parent))


@pytest.fixture(scope="session")
def lab(tmp_path_factory, easy_data):
    """Return a finished run with a detector of foreign images."""
    folder = tmp_path_factory.mktemp("lab") / "run"
    given = [each for each in easy_data if not each.startswith("out_of_distribution")]
    medcnn.train([*given, "trainer.max_epochs=1", f"run_dir={folder}"])
    return RunDir(folder)


@pytest.fixture(scope="session")
def exported(tmp_path_factory, lab):
    """Return the folder of its export; tests leave it as it is, or take a copy."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    with contextlib.chdir(folder.parent):
        assert run("export", [f"run={lab.path}", "output=model"]) == 0
    return folder
