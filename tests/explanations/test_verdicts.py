from medcnn.explanations.verdicts import unlearnt, warnings_of


def estimate(value, low=None, high=None):
    return {
        "value": value,
        "ci": None if low is None else [low, high],
        "method": "bootstrap-bca",
    }


def marker(evidence):
    return {
        "evidence": evidence,
        "removal": {"n": 20, "change": estimate(-0.31, -0.4, -0.2)},
        "beside": {"n": 20, "change": estimate(0.001, -0.0001, 0.003)},
        "insertion": {"n": 12, "change": estimate(0.25, 0.2, 0.3)},
    }


def sanity(value):
    levels = {"part": ["head", "stem"], "spearman": [estimate(0.9), estimate(value)], "ssim": []}
    return {"n": 8, "methods": {"grad_cam": levels}}


def test_a_model_that_looks_at_the_marker_is_told_with_its_numbers():
    first, second = warnings_of({"marker": marker(["removal", "insertion"]), "sanity": None})
    assert "looks at the burned-in marker" in first and "-0.310 (-0.400 to -0.200)" in first
    assert "the other side changes it by +0.001 (+0.000 to +0.003)" in first
    assert "+0.250 (+0.200 to +0.300) on 12 images" in second


def test_a_model_that_does_not_is_not_mentioned():
    assert warnings_of({"marker": marker([]), "sanity": sanity(0.1)}) == []
    assert warnings_of({"marker": None, "sanity": None}) == []


def test_an_explanation_that_survives_forgetting_is_named():
    assert unlearnt(sanity(0.7)) == ["grad_cam"]
    assert unlearnt(sanity(None)) == [] == unlearnt({})
    (line,) = warnings_of({"marker": None, "sanity": sanity(0.7)})
    assert "grad_cam stays alike" in line and "0.700 (no interval)" in line
