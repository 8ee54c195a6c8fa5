"""One cache for all tests, away from the user's."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

# The same examples in every run; HYPOTHESIS_PROFILE=default draws new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

if "PYTEST_XDIST_WORKER" in os.environ:
    # A process on each core already: more threads would only wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


LONGEST = ("test_notebooks.py", "test_end_to_end.py", "test_ensembling.py", "test_coverage.py")


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no process is left with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    before = os.environ.get("MEDCNN_CACHE")
    os.environ["MEDCNN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield Path(os.environ["MEDCNN_CACHE"])
    if before is None:
        del os.environ["MEDCNN_CACHE"]
    else:
        os.environ["MEDCNN_CACHE"] = before


@pytest.fixture(scope="session")
def real_data():
    folder = os.environ.get("MEDCNN_TEST_DATA")
    if not folder:
        pytest.skip("MEDCNN_TEST_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def easy_data(tmp_path_factory):
    """Return overrides for 96 images of 60 patients that a small network learns within seconds."""
    folder = tmp_path_factory.mktemp("easy")
    rng = np.random.default_rng(0)
    rows = ["image_id,path,label,patient_id"]
    for index in range(96):
        patient = index % 60
        label = patient % 2
        pixels = rng.normal(110 + 30 * label, 40, (32, 32)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), pixels)
        rows.append(f"i{index},{index}.png,{label},p{patient}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return [
        "data=manifest",
        f"data.root={folder / 'manifest.csv'}",
        "data.image_size=32",
        "data.batch_size=16",
        "data.audit=off",
        "augment=none",
        "model=tiny_resnet",
        "model.widths=[4,8]",
        "model.weights=none",
        "trainer.precision=32-true",
        "trainer.accelerator=cpu",
        "out_of_distribution=null",
    ]
