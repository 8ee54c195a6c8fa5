import pytest

from medcnn.cli import run
from medcnn.run_dir import RunDir


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, easy_data):
    """Return a finished run of one epoch; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert run("train", [*easy_data, "trainer.max_epochs=1", f"run_dir={folder}"]) == 0
    return RunDir(folder)
