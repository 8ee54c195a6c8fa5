import numpy as np
import pytest
import torch

from medcnn.explanations.localization import area, mass_inside, widened
from medcnn.explanations.measures import chance, forget, localize, perturb
from medcnn.explanations.perturbation import (
    area_under,
    deletion_and_insertion,
    random_heat,
)


@pytest.fixture(scope="module")
def heats(bench):
    return {"grad_cam": bench.heat("grad_cam"), "random": random_heat(10, (32, 32), 1)}


def test_the_seeker_of_squares_points_to_the_squares(bench, heats):
    called = np.arange(10) < 6
    found = localize(bench, heats, called)["grad_cam"]
    every = found.every
    assert every.pointing_game.value == 1.0 and every.n == 10
    assert every.pointing_game.method == "wilson-clustered"
    mass = mass_inside(heats["grad_cam"].numpy(), bench.mask)
    assert every.mass_in_lesion.value == pytest.approx(mass.mean())
    low, high = every.mass_in_lesion.ci
    assert low <= mass.mean() <= high and low > 0.5
    assert found.called.n == 6
    assert found.called.mass_in_lesion.value == pytest.approx(mass[:6].mean())


def test_every_finding_is_counted_where_it_occurs(bench, heats):
    groups = localize(bench, heats, np.ones(10, bool))["random"].by_finding
    texts = bench.subjects.table.finding
    assert {group.finding: group.n for group in groups} == {
        "square": 10,
        "large": int(texts.eq("square|large").sum()),
    }


def test_chance_is_the_area_of_the_masks(bench):
    found = chance(bench)
    assert found.pointing_game.value == pytest.approx(area(widened(bench.mask)).mean())
    assert found.mass_in_lesion.value == pytest.approx(area(bench.mask).mean())


def test_without_masks_places_are_not_measured(bench, heats):
    from dataclasses import replace

    bare = replace(bench, mask=None)
    assert localize(bare, heats, np.ones(10, bool)) == {}
    assert chance(bare) is None


def test_deletion_and_insertion_are_compared_with_random_heat_image_by_image(bench, heats):
    found, curves = perturb(bench, heats, "random")
    areas = {}
    for name, heat in heats.items():
        pair = deletion_and_insertion(
            bench.quick_probability, bench.subjects.image_N1SS, heat, steps=8, seed=0
        )
        areas[name] = [area_under(curve) for curve in pair]
        np.testing.assert_allclose(curves.methods[name].deletion, pair[0].mean(0), atol=1e-6)
    gap = areas["grad_cam"][1] - areas["grad_cam"][0] - areas["random"][1] + areas["random"][0]
    assert found["grad_cam"].above_random.value == pytest.approx(gap.mean())
    assert found["grad_cam"].above_random.ci[0] > 0
    assert found["random"].above_random is None
    assert curves.share[0] == 0 and curves.share[-1] == 1 and len(curves.share) == 9


def test_what_has_nothing_to_forget_stays_alike(bench):
    # All weights of the seeker are equal, so that shuffling them changes nothing.
    heats = {"grad_cam": bench.heat("grad_cam"), "occlusion": bench.heat("occlusion", count=4)}
    found = forget(bench, heats)
    assert found.n == 4
    levels = found.methods["grad_cam"]
    assert levels.part == ("head", "layer1")
    assert levels.spearman[-1].value == pytest.approx(1.0)
    assert levels.ssim[-1].value == pytest.approx(1.0)
    # Slow methods are looked at once only, at the end.
    assert found.methods["occlusion"].part == ("layer1",)
    assert torch.equal(heats["grad_cam"], bench.heat("grad_cam"))
