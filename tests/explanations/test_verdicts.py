import pytest

from medcnn.evaluation.explained import Change, Likeness, MarkerTest, Sanity
from medcnn.explanations.verdicts import unlearnt, warnings_of
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.wording import Wording, said


def estimate(value, *ci):
    return Estimate(value, ci or None, "bootstrap-bca")


def change(n, moved):
    return Change(
        n=n, n_patients=n, change=moved, absolute_change=moved, flipped=estimate(0.5, 0.3, 0.7)
    )


def marker(*evidence):
    return MarkerTest(
        looked_at=60,
        with_marker=40,
        removal=change(20, estimate(-0.31, -0.4, -0.2)),
        beside=change(20, estimate(0.001, -0.0001, 0.003)),
        insertion=change(12, estimate(0.25, 0.2, 0.3)),
        evidence=evidence,
    )


def sanity(value):
    levels = Likeness(part=("head", "stem"), spearman=(estimate(0.9), estimate(value)), ssim=())
    return Sanity(n=8, methods={"grad_cam": levels})


def test_a_model_that_looks_at_the_marker_is_told_with_its_numbers():
    first, second = warnings_of(marker("removal", "insertion"), None)
    assert "looks at the burned-in marker" in first and "-0.310 (-0.400 to -0.200)" in first
    assert "the other side changes it by +0.001 (+0.000 to +0.003)" in first
    assert "+0.250 (+0.200 to +0.300) on 12 images" in second


def test_a_model_that_does_not_is_not_mentioned():
    assert warnings_of(marker(), sanity(0.1)) == [] == warnings_of(None, None)


def test_an_explanation_that_survives_forgetting_is_named():
    assert unlearnt(sanity(0.7)) == ["grad_cam"]
    assert unlearnt(sanity(None)) == [] == unlearnt(Sanity(n=0, methods={}))
    (line,) = warnings_of(None, sanity(0.7))
    assert "grad_cam stays alike" in line and "0.700 (no interval)" in line


@pytest.mark.parametrize("at", range(3))
def test_every_warning_of_an_explanation_is_known_in_german(at):
    text = warnings_of(marker("removal", "insertion"), sanity(0.7))[at]
    german = said(text, Wording("de"))
    assert german is not None and german != text
    assert at or "\u22120,310 (\u22120,400 bis \u22120,200)" in german
