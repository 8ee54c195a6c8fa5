"""The measures of heat as numbers with intervals.

Dimensions: N images of S×S pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from medcnn.evaluation.explained import (
    Curve,
    Curves,
    FindingPlaces,
    Likeness,
    Perturbed,
    Places,
    Sanity,
)
from medcnn.explanations.bench import Bench, Watch, unwatched
from medcnn.explanations.localization import Mask, area, mass_inside, points_at, widened
from medcnn.explanations.names import SLOW
from medcnn.explanations.perturbation import (
    Floats,
    area_under,
    deletion_and_insertion,
)
from medcnn.explanations.randomization import LEVELS, cascade, similarity
from medcnn.metrics.bootstrap import mean_of
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.proportions import share

Heats = Mapping[str, Tensor]
"""Heat N×S×S in [0, 1] by the name of its method."""


class Located(NamedTuple):
    """Where the heat of one method lies: on all images, those called abnormal, each finding."""

    every: Places
    called: Places | None
    by_finding: tuple[FindingPlaces, ...]


def localize(bench: Bench, heats: Heats, called_N: Mask) -> dict[str, Located]:
    """Return pointing game and mass in lesion of every method; none where there is no mask.

    Args:
        bench: The images and the masks of their findings.
        heats: Their heat.
        called_N: Whether the model calls each abnormal; those are measured once more on their own.
    """
    if bench.mask is None:
        return {}
    near, every = widened(bench.mask), np.arange(len(bench.subjects))
    called, findings = np.flatnonzero(called_N), _by_finding(bench)
    found = {}
    for name, heat in heats.items():
        values = heat.numpy()
        hit, mass = points_at(values, near), mass_inside(values, bench.mask)
        found[name] = Located(
            _places(bench, hit, mass, every),
            _places(bench, hit, mass, called) if len(called) else None,
            tuple(
                FindingPlaces(finding=finding, **vars(_places(bench, hit, mass, rows)))
                for finding, rows in findings
            ),
        )
    return found


def chance(bench: Bench) -> Places | None:
    """Return what a random place hits and what even heat has in the lesion: the masks' areas."""
    if bench.mask is None:
        return None
    rows = np.arange(len(bench.subjects))
    return _places(bench, area(widened(bench.mask)), area(bench.mask), rows)


def perturb(
    bench: Bench, heats: Heats, control: str, watch: Watch = unwatched
) -> tuple[dict[str, Perturbed], Curves]:
    """Return deletion and insertion of every method, and their mean curves to be drawn.

    ``above_random`` is how far insertion less deletion lies above that of the control, image by
    image: above 0 the probability hangs on the places that the method names.
    """
    options, cluster = bench.options, bench.subjects.cluster
    curves = {
        name: deletion_and_insertion(
            bench.quick_probability,
            bench.subjects.image_N1SS,
            heat,
            steps=options.steps,
            seed=options.seed,
        )
        for name, heat in watch(heats.items(), "deletion and insertion", len(heats))
    }
    areas = {name: tuple(area_under(curve) for curve in pair) for name, pair in curves.items()}
    base = areas[control][1] - areas[control][0]

    def mean(values: Floats) -> Estimate:
        return mean_of(values, cluster, options.level, options.seed)

    found = {
        name: Perturbed(
            deletion=mean(deletion),
            insertion=mean(insertion),
            above_random=None if name == control else mean(insertion - deletion - base),
        )
        for name, (deletion, insertion) in areas.items()
    }
    drawn = {
        name: Curve(deletion=_mean_curve(deleted), insertion=_mean_curve(inserted))
        for name, (deleted, inserted) in curves.items()
    }
    share_of_image = tuple(np.linspace(0, 1, options.steps + 1).round(6).tolist())
    return found, Curves(share=share_of_image, methods=drawn)


def forget(bench: Bench, heats: Heats, watch: Watch = unwatched) -> Sanity:
    """Return how alike the heat stays while the network forgets what it learnt, part by part.

    Slow methods are compared only with the network that forgot everything.
    """
    options = bench.options
    chosen = bench.subjects.of(np.arange(min(options.sanity, len(bench.subjects))))
    seen = bench.model.normalize(chosen.image_N1SS.to(bench.device))
    found = {name: Likeness(part=(), spearman=(), ssim=()) for name in heats}
    parts = list(bench.model.network.backbone.stages)
    forgotten = cascade(bench.model.network, seen, options.seed)
    for part, network in watch(forgotten, "sanity check", min(LEVELS, len(parts) + 1)):
        forgetful: Any = SimpleNamespace(network=network, normalize=bench.model.normalize)
        for name, heat in heats.items():
            if name in SLOW and part != parts[0][0]:
                continue
            other = bench.heat(name, forgetful, len(chosen))
            spearman, ssim = (
                mean_of(values, chosen.cluster, options.level, options.seed)
                for values in similarity(heat[: len(chosen)], other)
            )
            so_far = found[name]
            found[name] = Likeness(
                part=(*so_far.part, part),
                spearman=(*so_far.spearman, spearman),
                ssim=(*so_far.ssim, ssim),
            )
    return Sanity(n=len(chosen), methods=found)


def _places(bench: Bench, hit: Any, mass: Floats, rows: Any) -> Places:
    level, cluster = bench.options.level, bench.subjects.of(rows).cluster
    certain = np.asarray(hit).dtype == bool
    point = share(hit[rows], cluster, level) if certain else mean_of(hit[rows], cluster, level)
    inside = mean_of(mass[rows], cluster, level, bench.options.seed)
    return Places(n=len(rows), pointing_game=point, mass_in_lesion=inside)


def _by_finding(bench: Bench) -> list[tuple[str, Any]]:
    """Return the images of each finding in the manifest's ``finding``, ``a|b`` being of both."""
    if "finding" not in bench.subjects.table:
        return []
    texts = bench.subjects.table["finding"].fillna("").astype(str)
    names = sorted({name for text in texts for name in text.split("|") if name})
    return [(name, np.flatnonzero([name in text.split("|") for text in texts])) for name in names]


def _mean_curve(curve_NS: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in curve_NS.mean(0))
