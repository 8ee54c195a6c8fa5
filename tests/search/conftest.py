"""Searches over a function that is known, in place of a training."""

import math

import pytest

from medcnn.search.sweeping import search
from medcnn.settings.composition import compose

SPACE = ["optimizer.lr=tag(log,interval(1e-4,1e-1))", "model.dropout=interval(0.0,0.6)"]


def value_of(overrides):
    """A bowl with its lowest point at a rate of 0.01 and dropout 0.2; the rate matters most."""
    given = dict(text.partition("=")[::2] for text in overrides)
    lr, dropout = float(given["optimizer.lr"]), float(given["model.dropout"])
    return (math.log10(lr) + 2) ** 2 + (dropout - 0.2) ** 2


@pytest.fixture
def run_search(tmp_path):
    """Return a function that runs a search of the bowl, and what its jobs were given."""

    def run(method, *overrides, value=value_of, folder=tmp_path / "s", stop_at=None):
        launched, batches = [], []

        def launch(jobs, number):
            batches.append(len(jobs))
            return [launch_one(given) for given in jobs]

        def launch_one(given):
            launched.append(list(given))
            if stop_at is not None and len(launched) == stop_at:
                raise KeyboardInterrupt
            result = value(given)
            if not isinstance(result, float):
                return result
            return {"state": "complete", "score": result, "epochs": 1, "seconds": 0.1}

        fixed = [f"search={method}", "search.score=val_loss", f"search.folder={folder}", *overrides]
        run.launched, run.batches = launched, batches
        arguments = [*fixed, *SPACE, "optimizer.weight_decay=0.01"]
        return search(arguments, compose("train", fixed), launch)

    run.folder = tmp_path / "s"
    return run
