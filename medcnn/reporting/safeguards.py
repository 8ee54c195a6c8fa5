"""What guards the decisions, in sentences: referral, conformal sets, prevalence, foreign images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medcnn.evaluation.conformal import ConformalResults
from medcnn.evaluation.out_of_distribution import ForeignResults
from medcnn.evaluation.parts import HEADLINE
from medcnn.evaluation.prior_shift import PriorShiftResults
from medcnn.evaluation.referral import ReferralResults
from medcnn.evaluation.results import Results
from medcnn.reporting.tables import Table, measured, table_of, with_interval
from medcnn.reporting.wording import Wording


@dataclass(frozen=True)
class Safeguard:
    """One safeguard: what it is, what it did here, and its one table, where it has any."""

    title: str
    sentences: tuple[str, ...]
    table: Table | None = None


def safeguards(results: Results, words: Wording) -> Iterator[Safeguard]:
    """Yield every safeguard that was asked for."""
    if results.uncertainty.referral is not None:
        found = results.uncertainty.referral
        sentences = tuple(_referral(found, words))
        yield Safeguard(words("safeguard.referral"), sentences, _decided(results, found, words))
    if results.conformal is not None:
        sentences = tuple(_conformal(results.conformal, words))
        yield Safeguard(words("safeguard.conformal"), sentences, _covered(results, words))
    if results.prior_shift is not None:
        yield Safeguard(words("safeguard.prior_shift"), tuple(_prior(results.prior_shift, words)))
    if results.out_of_distribution is not None:
        sentences = tuple(_foreign(results.out_of_distribution, results.n, words))
        yield Safeguard(words("safeguard.out_of_distribution"), sentences)


def _referral(found: ReferralResults, words: Wording) -> Iterator[str]:
    yield words(
        "safeguard.referral_rule",
        rule=found.rule,
        measure=words.name("word", found.by),
        referred=words.count(found.val.referred),
        n=words.count(found.val.n),
    )
    yield words(
        "safeguard.referral_here",
        n=words.count(found.n),
        referred=words.count(found.referred),
        share=with_interval("share", found.share, words),
        abnormal=words.count(found.referred_abnormal),
    )
    key = "safeguard.referral_caught" if found.errors else "safeguard.referral_no_errors"
    caught = with_interval("errors_caught", found.errors_caught, words)
    yield words(key, errors=words.count(found.errors), caught=caught)
    if found.target is not None and found.target.met is not None:
        yield words(
            "safeguard.target_met" if found.target.met else "safeguard.target_missed",
            metric=words.measure(found.target.metric),
            wanted=words.percent(found.target.wanted),
            reached=with_interval(found.target.metric, found.target.reached, words),
        )


def _decided(results: Results, found: ReferralResults, words: Wording) -> Table | None:
    """Return the headline of all cases beside that of those which the model would decide alone."""
    header = (
        words("table.measure"),
        words("safeguard.all_cases", n=words.count(results.n)),
        words("safeguard.automatic", n=words.count(found.automatic.n)),
    )
    sides = (results, found.automatic)
    rows = (
        (words.measure(key), *(with_interval(key, getattr(side, key), words) for side in sides))
        for key in HEADLINE
    )
    return table_of(header, rows)


def _conformal(found: ConformalResults, words: Wording) -> Iterator[str]:
    by_class = found.method == "class_conditional"
    yield words(
        "safeguard.conformal_by_class" if by_class else "safeguard.conformal_on_average",
        alpha=words.percent(found.alpha, 0),
        promised=words.percent(1 - found.alpha, 0),
    )
    yield words(
        "safeguard.conformal_here",
        coverage=with_interval("coverage", found.coverage, words),
        **{name: with_interval(name, each, words) for name, each in found.by_class.items()},
    )
    yield words(
        "safeguard.conformal_sets",
        right=with_interval("singleton_accuracy", found.singleton_accuracy, words),
        **{name: words.count(found.sets[name]) for name in ("normal", "abnormal", "both", "none")},
    )


def _covered(results: Results, words: Wording) -> Table | None:
    """Return how often the sets of each group hold the true label, where there are groups."""
    groups = results.conformal.subgroups if results.conformal else ()
    rows = (
        (
            words.group(each.column, each.group),
            words.count(each.n),
            *measured(each, ("coverage",), words),
        )
        for each in groups
    )
    header = (words("table.group"), words("table.cases"), words.measure("coverage"))
    return table_of(header, rows)


def _prior(found: PriorShiftResults, words: Wording) -> Iterator[str]:
    source = words.percent(found.source_prevalence)
    if found.estimate is not None:
        estimate = with_interval("prevalence", found.estimate, words)
        yield words("safeguard.prior_estimated", estimate=estimate, source=source)
    if found.trust is not None:
        key = "safeguard.prior_trusted" if found.trust.trusted else "safeguard.prior_doubted"
        reasons = "; ".join(found.trust.reasons)
        yield words(key, p=words.p_value(found.trust.p_value), reasons=reasons)
    target = words.percent(found.target_prevalence)
    key = "safeguard.prior_applied" if found.applied else "safeguard.prior_not_applied"
    yield words(key, source=source, target=target)
    if found.predictive_values is not None:
        at = found.predictive_values
        yield words(
            "safeguard.prior_values",
            prevalence=words.percent(at.prevalence),
            **{key: with_interval(key, getattr(at, key), words) for key in ("ppv", "npv")},
        )


def _foreign(found: ForeignResults, n: int, words: Wording) -> Iterator[str]:
    yield words(
        "safeguard.foreign_here",
        flagged=words.count(found.flagged),
        n=words.count(n),
        share=with_interval("share", found.share, words),
        expected=words.percent(found.expected),
    )
    if not found.flagged:
        return
    yield words(
        "safeguard.foreign_errors",
        **{name: with_interval("risk", each, words) for name, each in found.errors.items()},
    )
    reasons = (
        f"{_reason(name, words)} ({words.count(count)})" for name, count in found.reasons.items()
    )
    yield words("safeguard.foreign_reasons", reasons="; ".join(reasons))


def _reason(name: str, words: Wording) -> str:
    return words.recorded("reason", name) or words.name("reason", name)
