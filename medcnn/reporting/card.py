"""The model card (Mitchell et al., FAT* 2019), filled from the run."""

from __future__ import annotations

from typing import Any

from medcnn.metrics.estimate import Estimate
from medcnn.reporting.contents import Contents
from medcnn.reporting.flow import count_flow
from medcnn.reporting.tables import HEADLINE
from medcnn.reporting.wording import Wording

MODEL_KEYS = ("model.name", "model.backbone", "model.arch", "model._target_")
SIZE_KEYS = ("data.image_size", "data.size", "image_size", "model.image_size")
FEW_CASES = 100


def model_card(contents: Contents, words: Wording) -> list[tuple[str, list[str]]]:
    """Return the card as headings with their sentences."""
    return [
        (words("card.model"), _model(contents, words)),
        (words("card.use"), [words("card.use_text"), words("card.not_for")]),
        (words("card.data"), _data(contents, words)),
        (words("card.performance"), _performance(contents, words)),
        (words("card.limits"), _limits(contents, words)),
        (words("card.ethics"), [words("card.ethics_text")]),
    ]


def model_name(contents: Contents) -> str | None:
    """Return the name of the architecture, or None where the configuration names none."""
    name = contents.setting(*MODEL_KEYS)
    return None if name is None else str(name)


def weights_text(contents: Contents, words: Wording) -> str | None:
    """Return where the initial weights came from, or None where that is not recorded."""
    weights: dict[str, Any] = contents.environment.get("weights") or {}
    if not weights:
        return None
    loaded = weights.get("loaded")
    text = words("card.weights", requested=weights.get("requested"), loaded=loaded)
    return f"{text} {weights['source']}" if weights.get("source") else text


def _model(contents: Contents, words: Wording) -> list[str]:
    name = model_name(contents) or words("common.not_recorded")
    lines = [words("card.architecture", name=name)]
    size = contents.setting(*SIZE_KEYS)
    if size is not None:
        lines.append(words("card.input", size=size))
    weights = weights_text(contents, words)
    return [*lines, weights or words("card.weights_unknown")]


def _data(contents: Contents, words: Wording) -> list[str]:
    data = contents.environment.get("data") or {}
    lines = [words("card.source", source=data.get("source") or words("common.not_recorded"))]
    recorded = (data.get(key) for key in ("label_policy", "citation"))
    lines += [words.verbatim(str(text)) for text in recorded if text]
    for name, group in count_flow(contents).splits.items():
        lines.append(
            words(
                "card.split",
                split=words.name("split", name),
                cases=f"{words.count(group.cases)} {words(f'noun.{group.unit}')}",
                patients=words.count(group.patients),
                share=words.percent(group.prevalence),
            )
        )
    return lines


def _performance(contents: Contents, words: Wording) -> list[str]:
    lines = []
    for key in HEADLINE:
        estimate: Estimate = getattr(contents.results, key)
        show = words.number if key == "auroc" else words.percent
        text = f"{words(f'measure.{key}')} {show(estimate.value)}"
        if estimate.has_interval:
            text += f" ({show(estimate.low)} – {show(estimate.high)})"
        lines.append(text)
    return lines


def _limits(contents: Contents, words: Wording) -> list[str]:
    results, lines = contents.results, []
    counts = contents.cases["label"].value_counts()
    for label, name in ((1, "abnormal"), (0, "normal")):
        count = int(counts.get(label, 0))
        if count < FEW_CASES:
            lines.append(words("card.few", n=count, name=words(f"common.{name}")))
    lines.append(words("card.one_source"))
    if not results.subgroups:
        lines.append(words("card.no_subgroups"))
    if contents.warnings():
        lines.append(words("card.warned", n=len(contents.warnings())))
    looks = contents.environment.get("test_looks")
    if isinstance(looks, int) and looks > 1:
        lines.append(words("card.looks", n=looks))
    return lines
