"""The headline of results as lines for the console."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from medcnn.console import say
from medcnn.evaluation.compare import Comparison
from medcnn.evaluation.parts import Unit
from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import Estimate

HEADLINE = (("sensitivity", "sensitivity"), ("specificity", "specificity"), ("AUROC", "auroc"))

_ORIGINS = {"fixed": "given", "recorded": "recorded in the predictions"}


def announce(results: Results, report: Path, told: Collection[str] = ()) -> None:
    """Print the headline numbers with their intervals, the warnings, and where the report is.

    Args:
        results: What was found.
        report: Where its page is.
        told: Warnings that were printed before; the page repeats them.
    """
    threshold = results.threshold
    say("")
    counted = counted_cases(results.n, results.n_patients, results.unit)
    say(f"{results.split}: {counted}, prevalence {results.prevalence:.3f}")
    origin = _ORIGINS.get(threshold.rule, f"chosen on {threshold.chosen_on}")
    say(f"threshold    {threshold.value:.4f} ({threshold.rule}, {origin}, frozen)")
    for name, key in HEADLINE:
        say(f"{name:12} {show_estimate(getattr(results, key), results.level)}")
    for text in results.warnings:
        if text not in told:
            say(f"warning      {text}")
    if results.verdict is not None:
        for at, text in enumerate(results.verdict.sentences):
            say(f"{'' if at else 'verdict':12} {text}")
    say(f"report       {report}")


def counted_cases(n: int, patients: int, unit: Unit | None = None) -> str:
    """Return ``624 images of 500 patients``, or what else was counted.

    >>> counted_cases(40, 40, Unit("patient", "mean", 90))
    '40 patients (90 images)'
    """
    if unit is None or unit.level == "image":
        return f"{n} images of {patients} patients"
    cases = "patients" if unit.level == "patient" else "studies"
    return f"{n} {cases} ({unit.images} images)"


def show_estimate(estimate: Estimate, level: float = 0.95) -> str:
    """Return ``0.912 (95% CI 0.871 to 0.942, wilson)``, or say that it is not estimable.

    >>> show_estimate(Estimate(0.5, (0.2, 0.8), "wilson"))
    '0.500 (95% CI 0.200 to 0.800, wilson)'
    >>> show_estimate(Estimate(None, None, "wilson"))
    'not estimable'
    """
    if estimate.value is None:
        return "not estimable"
    if estimate.ci is None:
        return f"{estimate.value:.3f} (no interval)"
    low, high = estimate.ci
    return f"{estimate.value:.3f} ({100 * level:g}% CI {low:.3f} to {high:.3f}, {estimate.method})"


def announce_comparison(found: Comparison, page: Path) -> None:
    """Print both sides, their differences with p-values, the warnings, and where the page is."""
    first, second = found.names
    say("")
    n = f"{found.n} studies" if found.unit == "study" else f"{found.n} patients"
    counted = counted_cases(found.n, found.n_patients) if found.unit == "image" else n
    say(f"{found.split}: {counted}")
    heading = f"{first} minus {second} ({100 * found.level:g}% CI)"
    say(f"{'':12} {first:>18} {second:>18}  {heading}")
    for name, difference in found.differences.items():
        sides = [side[name].value if name in side else None for side in (found.a, found.b)]
        shown = "".join(f" {'–' if value is None else f'{value:.3f}':>18}" for value in sides)
        corrected = found.holm.get(name)
        p_value = "" if corrected is None else f", p = {corrected:.3g} after Holm"
        say(f"{name:12}{shown}  {_signed(difference)}{p_value}")
    if found.non_inferiority is not None:
        for name, result in found.non_inferiority.tested.items():
            said = {True: "shown", False: "not shown", None: "not estimable"}[result]
            say(f"non-inferior {name} by {found.non_inferiority.margin:g}: {said}")
    for text in found.warnings:
        say(f"warning      {text}")
    say(f"comparison   {page}")


def _signed(difference: Estimate) -> str:
    if difference.value is None:
        return "not estimable"
    if difference.ci is None:
        return f"{difference.value:+.3f} (no interval)"
    low, high = difference.ci
    return f"{difference.value:+.3f} ({low:+.3f} to {high:+.3f})"
