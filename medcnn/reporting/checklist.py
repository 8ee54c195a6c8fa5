"""The CLAIM 2024 and TRIPOD+AI items, filled from the run where a run can know the answer.

Item numbers follow Tejani et al., Radiology: Artificial Intelligence 6(4), 2024, and Collins et al.,
BMJ 385, 2024; the wording is a short paraphrase. What a run cannot know is open, and said to be.
"""

from __future__ import annotations

from dataclasses import dataclass

from medcnn.reporting.card import model_name, weights_text
from medcnn.reporting.contents import Contents
from medcnn.reporting.estimates import HEADLINE, read_estimate
from medcnn.reporting.flow import Flow, count_flow
from medcnn.reporting.wording import Wording

# CLAIM 2024 item, TRIPOD+AI item, key of its wording and of its answer.
_ITEMS = (
    ("1", "1", "title"),
    ("2", "2", "abstract"),
    ("3", "3a–c", "background"),
    ("4", "4", "aims"),
    ("5", "5a", "design"),
    ("6", "4", "goal"),
    ("7", "5a, 5b", "sources"),
    ("8", "6a–c", "eligibility"),
    ("9", "7", "preprocessing"),
    ("10", "7", "subsets"),
    ("11", "17", "deidentification"),
    ("12", "11", "missing"),
    ("13", "9a–c", "acquisition"),
    ("14", "8a", "reference"),
    ("15", "8a", "reference_reason"),
    ("16", "8b", "annotators"),
    ("17", "8b, 8c", "test_annotation"),
    ("18", "8b", "variability"),
    ("19", "12a", "partition"),
    ("20", "12a", "disjoint"),
    ("21", "10", "sample_size"),
    ("22", "12c, 22", "model"),
    ("23", "12c, 18f", "software"),
    ("24", "12c", "initialisation"),
    ("25", "12c", "training"),
    ("26", "12c", "selection"),
    ("27", "12c", "ensemble"),
    ("28", "12e", "metrics"),
    ("–", "15", "threshold"),
    ("–", "13", "imbalance"),
    ("–", "14", "fairness"),
    ("29", "12e", "statistics"),
    ("30", "12d, 23b", "robustness"),
    ("31", "25", "explanation"),
    ("32", "12e", "internal"),
    ("33", "12g, 16", "external"),
    ("34", "18d", "registration"),
    ("35", "20a", "flow"),
    ("36", "20b, 20c, 21", "characteristics"),
    ("37", "23a", "performance"),
    ("38", "23a", "precision"),
    ("39", "25", "failures"),
    ("40", "26", "limitations"),
    ("41", "27a–c", "implications"),
    ("42", "18c", "protocol"),
    ("43", "18e, 18f", "availability"),
    ("44", "18a, 18b", "funding"),
    ("–", "17", "ethics"),
    ("–", "19", "patients"),
)


@dataclass(frozen=True)
class Item:
    """One line of the sheet; an empty ``answer`` is an open item."""

    claim: str
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
    return [
        Item(claim, tripod, words(f"item.{key}"), answers.get(key) or "")
        for claim, tripod, key in _ITEMS
    ]


def _data_answers(contents: Contents, words: Wording) -> dict[str, str]:
    data, flow = contents.environment.get("data") or {}, count_flow(contents)
    answers = {
        "sources": str(data.get("source") or ""),
        "reference": str(data.get("label_policy") or ""),
        "flow": words("answer.flow"),
        "partition": _partition(flow, words),
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
    if contents.config:
        answers["preprocessing"] = words("answer.see_config")
    if flow.found is not None:
        answers["characteristics"] = words("answer.characteristics")
    return answers


def _partition(flow: Flow, words: Wording) -> str:
    parts = [
        f"{words.name('split', name)} {words.count(group.images)}"
        for name, group in flow.splits.items()
    ]
    return words("answer.partition", parts=", ".join(parts))


def _model_answers(contents: Contents, words: Wording) -> dict[str, str]:
    answers = {"initialisation": weights_text(contents, words) or ""}
    name = model_name(contents)
    if name:
        answers["model"] = words("answer.model", name=name)
    packages = contents.environment.get("versions") or {}
    if packages:
        answers["software"] = ", ".join(f"{name} {version}" for name, version in packages.items())
    if contents.metrics is not None and contents.config:
        answers["training"] = words("answer.training", n=words.count(len(contents.metrics)))
        answers["selection"] = words("answer.selection")
    members = sum(str(column).startswith("member_") for column in contents.cases)
    if members:
        answers["ensemble"] = words("answer.ensemble", n=members)
    return answers


def _result_answers(contents: Contents, words: Wording) -> dict[str, str]:
    results = contents.results
    found = {key: read_estimate(results.get(key)) for key in HEADLINE}
    methods = sorted({words.name("method", item.method) for item in found.values() if item.method})
    threshold = results.get("threshold") or {}
    answers = {
        "metrics": words("answer.metrics"),
        "internal": words("answer.internal", split=words.name("split", str(results.get("split")))),
        "performance": words("answer.performance"),
        "failures": words("answer.failures"),
        "imbalance": words(
            "answer.imbalance", share=words.percent(read_estimate(results.get("prevalence")).value)
        ),
    }
    if methods:
        answers["statistics"] = words("answer.statistics", methods=", ".join(methods))
    if any(item.has_interval for item in found.values()):
        answers["precision"] = words("answer.precision")
    if threshold.get("rule"):
        answers["threshold"] = words(
            "answer.threshold",
            rule=threshold["rule"],
            value=words.number(contents.threshold, 4),
            chosen_on=words.name("split", str(threshold.get("chosen_on") or "")),
        )
    if results.get("subgroups"):
        answers["fairness"] = words("answer.subgroups", n=len(results["subgroups"]))
        answers["robustness"] = answers["fairness"]
    return answers
