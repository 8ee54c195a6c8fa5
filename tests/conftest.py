"""One cache for all tests, away from the user's."""

import os
from pathlib import Path

import pytest


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
