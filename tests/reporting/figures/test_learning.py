import numpy as np
import pandas as pd
import pytest

from medcnn.reporting.figures.learning import best_epoch, learning_curves
from medcnn.reporting.wording import Wording

CURVES = pd.DataFrame(
    {
        "epoch": [0, 1, 2, 3],
        "train_loss": [0.7, 0.5, 0.4, 0.3],
        "val_loss": [0.6, 0.5, 0.45, 0.5],
        "val_auroc": [0.7, 0.9, np.nan, 0.9],
    }
)


@pytest.mark.parametrize(
    ("monitor", "epoch"), [("val_loss", 2), ("val_auroc", 1), ("val_f1", None), (None, None)]
)
def test_the_epoch_kept_is_the_first_of_the_best(monitor, epoch):
    assert best_epoch(CURVES, monitor) == epoch


def test_curves_have_a_panel_for_a_rate_that_is_known_and_mark_the_epoch():
    words = Wording("en")
    assert len(learning_curves(CURVES, 2, words).axes) == 2
    figure = learning_curves(CURVES.assign(lr=1e-3), 2, words)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Loss",
        "AUROC",
        "Learning rate",
    ]
    marked = [line for line in figure.axes[0].get_lines() if line.get_label() == "best epoch"]
    assert float(marked[0].get_xdata()[0]) == 3  # the third
    assert min(figure.axes[0].get_lines()[0].get_xdata()) == 1
