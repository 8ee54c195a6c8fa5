import pytest

import medcnn

FOLDS = ["data.folds=2", "trainer.max_epochs=1", "optimizer.lr=0.01"]


@pytest.fixture(scope="session")
def folds():
    """Return the overrides of a short cross-validation in two folds."""
    return FOLDS


@pytest.fixture(scope="session")
def whole(easy_data, tmp_path_factory):
    """Return the directory of two folds by one command."""
    folder = tmp_path_factory.mktemp("cv") / "all"
    return medcnn.train([*easy_data, *FOLDS, "data.fold=all", f"run_dir={folder}"]).paths
