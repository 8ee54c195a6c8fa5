"""The recipes of docs/tuning.md for Ray, where it is installed."""

import re
import signal
from pathlib import Path

import pytest

from medcnn.files.plain import read_json

PAGE = Path(__file__).parents[2] / "docs" / "tuning.md"


def recipes():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [block for block in blocks if "ray" in block]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ray_tunes_and_trains(easy_data, tmp_path, monkeypatch):
    # Else its processes yield to all others, and it gives up those that take a minute to start.
    for name, value in (("worker_niceness", 0), ("raylet_start_wait_time_s", 600)):
        monkeypatch.setenv(f"RAY_{name}", str(value))
    monkeypatch.setenv("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "600")
    ray = pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    listening = signal.getsignal(signal.SIGINT)
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20)
    try:
        tune, train = recipes()
        given = [*easy_data, "parallel=1", "trainer.max_epochs=1"]
        tune = re.sub(r"GIVEN = .*", f"GIVEN = {given!r}", tune)
        tune = tune.replace("    tune_config=", "    run_config=RUN_CONFIG, tune_config=")
        names = {"__name__": "__main__", "RUN_CONFIG": _stored(tmp_path)}
        exec(tune, names)  # noqa: S102  our own page
        assert 0 <= names["best"].metrics["val_auroc"] <= 1
        names |= {"FOLDER": str(tmp_path / "run"), "STORAGE": str(tmp_path)}
        exec(train, names)  # noqa: S102
        assert read_json(tmp_path / "run" / "results.json")["split"] == "test"
    finally:
        ray.shutdown()
        signal.signal(signal.SIGINT, listening)  # Ray Train leaves its own


def _stored(folder):
    from ray.tune import RunConfig

    return RunConfig(storage_path=str(folder))
