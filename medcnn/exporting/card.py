"""``README.md`` of an export: a model card with a model index, every number with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from medcnn.evaluation.results import Results
from medcnn.exporting.proof import Proof
from medcnn.exporting.subject import Subject
from medcnn.metrics.estimate import Estimate
from medcnn.run.directory import RunDir
from medcnn.version import __version__, how_to_install

METRICS = (
    ("auroc", "AUROC"),
    ("sensitivity", "Sensitivity"),
    ("specificity", "Specificity"),
    ("ppv", "PPV"),
    ("npv", "NPV"),
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("f1", "F1"),
    ("mcc", "MCC"),
    ("average_precision", "Average precision"),
)


def card(subject: Subject, name: str, intended_use: str, proof: Proof) -> str:
    """Return the text of the card.

    Args:
        subject: What is exported.
        name: Of the model.
        intended_use: In words.
        proof: Of the graph.
    """
    results, threshold = subject.results, subject.panel.threshold
    apart = f"{proof.largest_logit_difference:.1e}"
    rows = "\n".join(_rows(results))
    size = subject.panel.predictor.image_size
    warnings = "".join(
        f"\n* {text}" for text in dict.fromkeys((*subject.warnings, *results.warnings))
    )
    return f"""---
{yaml.safe_dump(_front(subject, name), sort_keys=False, allow_unicode=True)}---

# {name}

{_what(subject)} It answers whether a frontal chest radiograph is normal or abnormal.

**Intended use.** {intended_use}

## Results

On {results.n} images of {results.n_patients} patients of the {results.split} split, prevalence
{results.prevalence:.3f}, at the threshold {threshold.value:.6g} ({threshold.rule}, chosen on
{threshold.chosen_on} and frozen):

| | value | {results.level:.0%} interval | method |
|---|---|---|---|
{rows}

What a reader of these numbers has to know:
{warnings or chr(10) + "* Nothing beyond the intervals."}

## Use

With numpy, pydicom and onnxruntime alone (a decoder of pydicom's for compressed files):

    python predict_onnx.py                  # reproduces golden/ and says so
    python predict_onnx.py FILE_OR_FOLDER   # one row a DICOM file, as CSV

`model.onnx` takes uint8 N×1×{size}×{size}, air 0 and bone 255, as `read_dicom.py` reads a file;
scaling, normalisation and calibration are inside. An image is abnormal where `p_abnormal` is at least
{threshold.value:.9g}.
**Do not feed `pixel_array` scaled by its own minimum and maximum**: that is another image.
`config.json` states the contract of reading, `golden/` proves it, and `SHA256SUMS` tells
whether anything was changed.

With medcnn ({how_to_install("export")}), the folder is a run like any other:

    medcnn predict run=FOLDER input=PATH output=FILE.csv

## How it was proved

onnxruntime {proof.onnxruntime} answered {proof.golden} golden files and {proof.validation} validation
images, those nearest the threshold first: logits at most {apart} apart from the network's, and
{proof.decisions_that_differ} decisions that differ. Written by medcnn {__version__}.
"""


def _what(subject: Subject) -> str:
    members = subject.panel.predictor.members
    backbone = members[0].settings.model.backbone
    data = subject.settings.data.name or "a data set of its own"
    size = subject.panel.predictor.image_size
    kind = f"An ensemble of {len(members)} networks ({backbone})" if len(members) > 1 else backbone
    return f"{kind} at {size}×{size} pixels, trained on {data}."


def _rows(results: Results) -> Iterator[str]:
    for key, name in METRICS:
        found: Estimate = getattr(results, key)
        value = "not defined" if found.value is None else f"{found.value:.4f}"
        interval = "none" if found.ci is None else f"{found.ci[0]:.4f} to {found.ci[1]:.4f}"
        note = f" ({found.note})" if found.note else ""
        yield f"| {name} | {value} | {interval} | {found.method}{note} |"


def _front(subject: Subject, name: str) -> dict[str, Any]:
    """Return the front matter that hubs read: the model index, each interval beside its value."""
    results = subject.results
    data = subject.settings.data.name or "own"
    metrics = []
    for key, title in METRICS:
        found: Estimate = getattr(results, key)
        if found.value is None:
            continue
        interval = None if found.ci is None else [float(end) for end in found.ci]
        shown = "no interval" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
        metrics.append(
            {
                "type": key,
                "name": f"{title} ({results.level:.0%} interval {shown})",
                "value": float(found.value),
                "args": {"ci": interval, "level": results.level, "method": found.method},
            }
        )
    return {
        "library_name": "medcnn",
        "pipeline_tag": "image-classification",
        "tags": ["chest X-ray", "medical", "onnx", str(subject.settings.model.backbone)],
        "model-index": [
            {
                "name": name,
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"type": data, "name": data, "split": results.split},
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }


def name_of(run: RunDir, subject: Subject, asked: str | None) -> str:
    """Return the name of the model: as asked, else what was trained on what."""
    data = subject.settings.data.name or run.path.name
    return asked or f"{subject.settings.model.backbone} on {data}"
