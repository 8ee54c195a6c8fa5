"""The whole study of a run's explanations: heat, its measures, and what they say, in order.

Dimensions: N images, S×S pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medcnn.console import CONSOLE, progress_bars
from medcnn.data.manifest import Manifest
from medcnn.evaluation.explained import (
    CONTROL,
    Explanations,
    MarkerHeat,
    MarkerTest,
    Method,
    Perturbed,
    ShownImage,
)
from medcnn.explanations.bench import Bench, Watch, choose_methods, prepare
from medcnn.explanations.measures import Located, chance, forget, localize, perturb
from medcnn.explanations.perturbation import Floats, random_heat
from medcnn.explanations.settings import Explain
from medcnn.explanations.shortcut import heat_on_marker, marker_test
from medcnn.explanations.subjects import draw, load
from medcnn.explanations.verdicts import warnings_of
from medcnn.inference.loading import load_model
from medcnn.inference.runs import run_manifest
from medcnn.run.directory import RunDir

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Picture:
    """One image and its heat, to be drawn.

    Attributes:
        image_id: Its identifier.
        pixels: S×S in [0, 1].
        mask: The finding, S×S, or None.
        marker: The burned-in marker, S×S, all False where there is none.
        heat: By method, S×S in [0, 1].
    """

    image_id: str
    pixels: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_] | None
    marker: npt.NDArray[np.bool_]
    heat: dict[str, npt.NDArray[np.float32]]


def study(
    run: RunDir, options: Explain, tell: Tell, device: torch.device
) -> tuple[Explanations, list[Picture]]:
    """Return the measures and the pictures of a finished run.

    Args:
        run: The run.
        options: What was asked.
        tell: Takes a line on the progress.
        device: Where the network computes.

    Raises:
        ConfigError: If the split has no abnormal image, or the backbone not the method.
        WeightsError: If the run is not finished.
    """
    model = load_model(run).to(device)
    manifest = run_manifest(run)
    bench = prepare(model, manifest, options)
    methods, left_out = choose_methods(bench)
    with _watching() as watch:
        heats = _explain(bench, methods, tell, watch)
        found = _measure(bench, heats, watch)
        tell("deletion and insertion measured")
        sanity = forget(bench, heats, watch) if options.sanity else None
    marker = _test_marker(bench, manifest, heats) if options.marker else None
    tell("sanity check and marker test done")
    p_N = bench.probability(bench.subjects.image_N1SS)
    shown = spread(p_N, options.shown)
    found = replace(
        found,
        sanity=sanity,
        marker=marker,
        images=_list_images(bench, p_N, shown),
        warnings=(*left_out, *bench.notes, *warnings_of(marker, sanity)),
    )
    return found, [_picture(bench, heats, row) for row in shown]


def spread(p_N: Floats, count: int) -> list[int]:
    """Return which images are shown: evenly from the highest probability to the lowest."""
    order = np.argsort(-p_N, kind="stable")
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [int(row) for row in order[places]]


def _explain(bench: Bench, methods: list[str], tell: Tell, watch: Watch) -> dict[str, Tensor]:
    heats = {}
    for method in methods:
        start = time.perf_counter()
        heats[method] = bench.heat(method, watch=watch)
        seconds = time.perf_counter() - start
        tell(f"{method:22} {len(bench.subjects)} images in {seconds:.1f} s")
    return heats


@contextmanager
def _watching() -> Iterator[Watch]:
    """Lend what hands parts on beside a progress bar.

    The bar ends here, whatever fails. One that a generator holds runs on after a failure, until
    garbage is collected, and where its own thread happens to do that, it waits for itself for ever.
    """
    with progress_bars(CONSOLE) as bar:

        def watched(parts: Iterable[Any], name: str, total: int) -> Iterator[Any]:
            task = bar.add_task(name, total=total)
            for part in parts:
                yield part
                bar.advance(task)
            bar.remove_task(task)

        yield watched


def _measure(bench: Bench, heats: dict[str, Tensor], watch: Watch) -> Explanations:
    subjects, options = bench.subjects, bench.options
    size = (subjects.size, subjects.size)
    both = heats | {CONTROL: random_heat(len(subjects), size, options.seed + 1)}
    called = bench.probability(subjects.image_N1SS) >= bench.model.threshold.value
    places = localize(bench, both, called)
    perturbed, curves = perturb(bench, both, CONTROL, watch)
    return Explanations(
        split=options.split,
        level=options.level,
        seed=options.seed,
        backbone=bench.model.network.backbone.name,
        checkpoint_sha256=bench.model.sha256,
        n=len(subjects),
        n_patients=int(subjects.table["patient_id"].nunique()),
        with_mask=0 if bench.mask is None else len(subjects),
        called_abnormal=int(called.sum()),
        methods=tuple(
            _method(
                name,
                heat,
                bench.stage(name) if name in heats else None,
                perturbed[name],
                places.get(name),
            )
            for name, heat in both.items()
        ),
        chance=chance(bench),
        curves=curves,
        sanity=None,
        marker=None,
    )


def _method(
    name: str, heat: Tensor, stage: str | None, perturbed: Perturbed, places: Located | None
) -> Method:
    found = Method(
        method=name, stage=stage, empty=int((heat.amax((1, 2)) == 0).sum()), **vars(perturbed)
    )
    if places is None:
        return found
    return replace(
        found,
        **vars(places.every),
        called_abnormal=places.called,
        by_finding=places.by_finding,
    )


def _test_marker(bench: Bench, manifest: Manifest, heats: dict[str, Tensor]) -> MarkerTest:
    options, level = bench.options, bench.options.level
    rows = manifest.split(options.split)
    rows = draw(rows, 4 * options.marker, options.seed).sample(frac=1, random_state=options.seed)
    subjects = load(manifest, rows, bench.model.settings.data)
    threshold = bench.model.threshold.value
    found = marker_test(
        subjects,
        bench.probability,
        threshold,
        count=options.marker,
        level=level,
        seed=options.seed,
    )
    marked = np.flatnonzero(bench.marker.any((1, 2)))
    patients = bench.subjects.table["patient_id"].iloc[marked]
    methods = {
        name: heat_on_marker(heat.numpy()[marked], bench.marker[marked], patients, level)
        for name, heat in heats.items()
    }
    return replace(found, heat=MarkerHeat(n=len(marked), methods=methods))


def _list_images(bench: Bench, p_N: Floats, shown: list[int]) -> tuple[ShownImage, ...]:
    table = bench.subjects.table
    findings = table["finding"].fillna("").astype(str) if "finding" in table else None
    return tuple(
        ShownImage(
            image_id=str(table["image_id"].iloc[row]),
            p_abnormal=float(p_N[row]),
            finding="" if findings is None else findings.iloc[row],
        )
        for row in shown
    )


def _picture(bench: Bench, heats: dict[str, Tensor], row: int) -> Picture:
    return Picture(
        str(bench.subjects.table["image_id"].iloc[row]),
        bench.subjects.image_N1SS[row, 0].numpy(),
        None if bench.mask is None else bench.mask[row],
        bench.marker[row],
        {name: heat[row].numpy() for name, heat in heats.items()},
    )
