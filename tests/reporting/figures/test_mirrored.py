import numpy as np
import pytest

from medcnn.reporting.figures.mirrored import Half, mirrored_histogram
from medcnn.reporting.wording import Wording


def test_each_half_sums_to_one_in_its_own_direction():
    upper, lower = (
        Half(np.array([0.1, 0.2, 0.9]), "#000000", "a"),
        Half(np.array([0.5]), "#0f0f0f", "b"),
    )
    (axes,) = mirrored_histogram(upper, lower, Wording("en"), "x", "y", 0.5).axes
    heights = [patch.get_height() for patch in axes.patches if patch.get_height()]
    assert heights == pytest.approx([1 / 3, 1 / 3, 1 / 3, -1])
    labels = [container.get_label() for container in axes.containers]
    assert labels == ["a (n = 3)", "b (n = 1)"]
    assert axes.get_ylim()[0] == -axes.get_ylim()[1]


def test_an_empty_half_is_left_out():
    halves = Half(np.array([0.5]), "#000000", "a"), Half(np.array([]), "#0f0f0f", "b")
    (axes,) = mirrored_histogram(*halves, Wording("en"), "x", "y").axes
    assert len(axes.containers) == 1
