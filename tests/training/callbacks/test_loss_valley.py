import numpy as np
import pytest
import torch

from medcnn.training.callbacks.loss_valley import LossValley, Segment


def algorithm_1(losses, first, last, r):
    """Return start and end of the window, 0-based and inclusive, as the paper's algorithm has them."""
    start, limit = 0, None
    for i in range(len(losses)):
        if limit is None:
            recent = losses[i - first + 1 : i + 1]
            if i + 1 >= first and recent[0] == min(recent):
                start, limit = i - first + 1, r * np.mean(recent)
        # As in the authors' code, what came before the valley cannot end it.
        elif i - last >= start and min(losses[i - last + 1 : i + 1]) > limit:
            return start, i - last
    return (start, len(losses) - 1) if limit is not None else None


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 3), (3, 1), (4, 2)])
def test_the_window_is_that_of_the_algorithm(first, last):
    ends = []
    for seed in range(200):
        rng = np.random.default_rng([first, last, seed])
        turn = rng.integers(3, 15)
        losses = abs(np.arange(24) - turn) / 8 + 0.5 + rng.normal(0, 0.1, 24)
        valley = LossValley(1.2, (first, last))
        for epoch, loss in enumerate(losses):
            weights = {"w": torch.tensor(float(epoch)), "n": torch.tensor(epoch)}
            if valley.close(Segment(weights, 1 + epoch % 3, float(loss))):
                break
        window = algorithm_1(losses, first, last, 1.2)
        ends.append(window)
        assert (valley.limit is None) == (window is None)
        if window:
            epochs = np.arange(window[0], window[1] + 1)
            expected = np.average(epochs, weights=1 + epochs % 3)
            found = valley.valley()
            assert float(found.mean["w"]) == pytest.approx(expected, abs=1e-4)
            assert int(found.mean["n"]) == window[1]
    assert len({end for _, end in filter(None, ends)}) > 5
