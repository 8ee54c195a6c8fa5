"""The CLAIM 2024, TRIPOD+AI and STARD items, filled from the run where a run can know the answer.

Item numbers follow Tejani et al., Radiology: Artificial Intelligence 6(4), 2024; Collins et al., BMJ
385, 2024; and STARD 2015 (Bossuyt et al., BMJ 351), to which STARD-AI (Sounderajah et al., Nature
Medicine 31, 2025) adds. The wording is a short paraphrase. An item is answered only by a fact that
stands in the run; what a run cannot know is open, and said to be.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

from medcnn.data.manifest import TEXT_COLUMNS
from medcnn.metrics.estimate import Estimate
from medcnn.reporting.card import model_name, weights_text
from medcnn.reporting.contents import Contents
from medcnn.reporting.flow import Flow, count_flow
from medcnn.reporting.provenance import versions
from medcnn.reporting.tables import HEADLINE
from medcnn.reporting.wording import Wording


@dataclass(frozen=True)
class Item:
    """One line of the sheet; an empty ``answer`` is an open item."""

    claim: str
    stard: str
    tripod: str
    topic: str
    answer: str

    @property
    def is_open(self) -> bool:
        """Whether the authors still have to answer it."""
        return not self.answer


def checklist(contents: Contents, words: Wording) -> list[Item]:
    """Return every item with what the run knows of it."""
    answers = {
        **_data_answers(contents, words),
        **_model_answers(contents, words),
        **_result_answers(contents, words),
    }
    text = resources.files("medcnn.reporting").joinpath("checklist.toml").read_text("utf-8")
    return [
        Item(claim, stard, tripod, words(f"item.{key}"), answers.get(key) or "")
        for key, (claim, stard, tripod) in tomllib.loads(text).items()
    ]


def _data_answers(contents: Contents, words: Wording) -> dict[str, str]:
    data, flow = contents.environment.get("data") or {}, count_flow(contents)
    answers = {
        "sources": str(data.get("source") or ""),
        "reference": str(data.get("label_policy") or ""),
    }
    if flow.unreadable is not None and flow.not_evaluated is not None:
        answers["missing"] = words(
            "answer.missing",
            unreadable=words.count(flow.unreadable),
            lacking=words.count(flow.not_evaluated),
        )
    crossing = contents.audit.get("cross_split_patients")
    if isinstance(crossing, int):
        key = "answer.disjoint" if crossing == 0 else "answer.not_disjoint"
        answers["disjoint"] = words(key, n=words.count(crossing))
    if contents.config.get("data") or contents.config.get("augment"):
        answers["preprocessing"] = words("answer.see_config")
    if contents.manifest is not None and flow.found is not None:
        answers["flow"] = words("answer.flow")
        answers["partition"] = _partition(flow, words)
        described = [name for name in contents.manifest.columns if name not in TEXT_COLUMNS]
        columns = ", ".join(name for name in described if name != "label")
        answers["characteristics"] = words(
            "answer.characteristics", columns=columns or words("common.none")
        )
    return answers


def _partition(flow: Flow, words: Wording) -> str:
    parts = [
        f"{words.name('split', name)} {words.count(group.cases)}"
        for name, group in flow.splits.items()
    ]
    return words("answer.partition", parts=", ".join(parts))


def _model_answers(contents: Contents, words: Wording) -> dict[str, str]:
    answers = {"initialisation": weights_text(contents, words) or ""}
    name = model_name(contents)
    if name:
        answers["model"] = words("answer.model", name=name)
    packages = versions(contents)
    if packages:
        answers["software"] = ", ".join(f"{name} {version}" for name, version in packages)
    if contents.metrics is not None and contents.config:
        answers["training"] = words(
            "answer.training", n=words.count(contents.metrics["epoch"].nunique())
        )
        if contents.monitor is not None:
            monitor = words.measure(contents.monitor)
            answers["selection"] = words("answer.selection", monitor=monitor)
    members = sum(str(column).startswith("member_") for column in contents.cases)
    if members:
        answers["ensemble"] = words("answer.ensemble", n=members)
    if contents.explanations:
        answers["explanation"] = words("answer.explanations")
    return answers


def _result_answers(contents: Contents, words: Wording) -> dict[str, str]:
    results = contents.results
    found: list[Estimate] = [getattr(results, key) for key in HEADLINE]
    methods = sorted({words.method(item.method) for item in found if item.method})
    answers = {
        "metrics": words("answer.metrics"),
        "performance": words("answer.performance"),
        "failures": words("answer.failures"),
        "imbalance": words("answer.imbalance", share=words.percent(results.prevalence)),
        "indeterminate": _indeterminate(contents, words),
    }
    if contents.config:
        # Predictions of unknown origin may well be of external data.
        answers["internal"] = words(
            "answer.internal", split=words.name("split", contents.results.split)
        )
    if methods:
        answers["statistics"] = words("answer.statistics", methods=", ".join(methods))
    if any(item.has_interval for item in found):
        answers["precision"] = words("answer.precision")
    counts = {name: int(count) for name, count in vars(results.confusion).items()}
    answers["crosstab"] = words("answer.crosstab", **counts)
    slope = results.calibration.slope
    if slope.value is not None:
        answers["calibrated"] = words("answer.calibrated", slope=words.number(slope.value))
    if results.subgroups:
        answers["fairness"] = words("answer.subgroups", n=len(results.subgroups))
    answers["threshold"] = _threshold(contents, words)
    return answers


def _threshold(contents: Contents, words: Wording) -> str:
    threshold = contents.results.threshold
    return words(
        "answer.threshold",
        rule=words.rule(threshold.rule),
        value=words.number(threshold.value, 4),
        chosen_on=words.name("split", threshold.chosen_on),
    )


def _indeterminate(contents: Contents, words: Wording) -> str:
    referral = contents.results.uncertainty.referral
    if referral is not None:
        k, n = words.count(referral.referred), words.count(referral.n)
        return words("answer.referred", k=k, n=n)
    return words("answer.indeterminate", n=words.count(len(contents.cases)))
