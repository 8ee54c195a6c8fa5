import numpy as np
import pytest

from medcnn.evaluation.explained import Curve, Curves, Likeness
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.figures.explanations import (
    COLOURS,
    forgetting,
    looks,
    perturbation_curves,
)
from medcnn.reporting.figures.style import MUTED
from medcnn.reporting.wording import Wording


def likeness(part, *spearman):
    found = tuple(Estimate(value, ci, "x") for value, ci in spearman)
    return Likeness(part=tuple(part), spearman=found, ssim=())


def test_both_curves_of_every_method_are_drawn_as_they_are():
    share = (0.0, 0.5, 1.0)
    methods = {
        "grad_cam": Curve(deletion=(0.9, 0.3, 0.1), insertion=(0.1, 0.8, 0.9)),
        "random": Curve(deletion=(0.9, 0.6, 0.1), insertion=(0.1, 0.5, 0.9)),
    }
    curves = Curves(share=share, methods=methods)
    left, right = perturbation_curves(curves, Wording("en")).axes
    for axes, which in ((left, "deletion"), (right, "insertion")):
        for line, name in zip(axes.get_lines(), ("grad_cam", "random"), strict=True):
            np.testing.assert_array_equal(
                line.get_xydata().T, [share, getattr(methods[name], which)]
            )
    assert [text.get_text() for text in right.get_legend().get_texts()] == [
        "Grad-CAM",
        "Random heat",
    ]


def test_forgetting_goes_from_the_head_down_with_its_intervals():
    parts = ["head", "layer1", "stem"]
    methods = {
        "occlusion": likeness(["stem"], (0.1, (-0.1, 0.3))),
        "grad_cam": likeness(parts, (0.8, (0.7, 0.9)), (None, None), (0.0, None)),
    }
    (axes,) = forgetting(methods, Wording("en")).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == parts
    lines = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    assert lines["Occlusion"][:, 0].round().tolist() == [2]
    assert lines["Grad-CAM"][:, 1].tolist() == [0.8, 0.0]
    segments = axes.collections[1].get_segments()
    assert [segment[:, 1].tolist() for segment in segments] == [[0.7, 0.9], [0.0, 0.0]]


def test_methods_differ_in_colour_and_style_and_the_control_is_grey():
    names = ["random", *(f"m{n}" for n in range(len(COLOURS)))]
    found = looks(names)
    assert found["random"][0] == MUTED
    assert len({colour for colour, _ in found.values()}) == len(names)
    assert len({str(style) for _, style in found.values()}) >= len(COLOURS)
    assert looks([]) == {} == pytest.approx({})
