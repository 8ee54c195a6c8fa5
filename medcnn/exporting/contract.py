"""``config.json``: what an export is, what goes in and comes out, and how far it was proved."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from medcnn.exporting.golden import FOLDER
from medcnn.exporting.graph import SEVERAL, SINGLE
from medcnn.exporting.proof import Proof
from medcnn.exporting.subject import Subject
from medcnn.files.hashing import sha256_of
from medcnn.files.records import to_json
from medcnn.io.reading import READER_VERSION
from medcnn.io.voi import MIN_INSIDE, PERCENTILES
from medcnn.version import __version__

FORMAT = "medcnn-export/1"
SUMS = "SHA256SUMS"
_WORDS = {
    "logit": "of abnormal, N, float32; of an ensemble the combined one, float64",
    "p_abnormal": "calibrated, N, float64; abnormal where p_abnormal >= threshold.value",
    "features": "of the (first) network before its head, N×D, float32",
    "member_logit": "of each member, N×M, float32",
    "member_p": "of each member, by its own calibrator, N×M, float64",
}


STEPS = [
    "stored values of the one frame, unused bits refused",
    "Pixel Padding Value and Range Limit become air (0) at the end and count nowhere",
    "Modality LUT, else Rescale Slope and Intercept",
    "the first VOI LUT; else the first window, by VOI LUT Function, that leaves at least "
    f"{MIN_INSIDE:.0%} of the pixels unclipped; else the stretch from percentile "
    f"{PERCENTILES[0]:g} to {PERCENTILES[1]:g}",
    "turned round once for MONOCHROME1 or Presentation LUT Shape INVERSE, and where a frontal "
    "chest itself shows air bright",
    "air 0 and bone 1 in float32; the whole image to S×S, each pixel the mean of its area "
    "(OpenCV INTER_AREA), both sides by their own factor",
    "times 255, rounded to the nearest: uint8",
]
"""The grey-scale contract: how a file becomes the graph's input (docs/dicom.md says why)."""


def config_of(subject: Subject, folder: Path, intended_use: str, proof: Proof) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Args:
        subject: What is exported.
        folder: Where its files are.
        intended_use: In words.
        proof: Of the graph.
    """
    panel = subject.panel
    members = panel.predictor.members
    outputs = SEVERAL if len(members) > 1 else SINGLE
    detector = subject.detector and {
        "file": "out_of_distribution.npz",
        "score": subject.detector.score,
        "threshold": subject.detector.threshold,
        "flags_of_validation": 1 - subject.detector.quantile,
    }
    return {
        "format": FORMAT,
        "medcnn": __version__,
        "intended_use": intended_use,
        "labels": {"0": "normal", "1": "abnormal"},
        "network": {
            "backbone": ", ".join(
                dict.fromkeys(str(member.settings.model.backbone) for member in members)
            ),
            "members": len(members),
            "parameters": sum(
                each.numel() for member in members for each in member.network.parameters()
            ),
            "image_size": panel.predictor.image_size,
            "cut_after": subject.settings.transfer.stage,
        },
        "input": {
            "name": "image",
            "dtype": "uint8",
            "shape": ["N", 1, panel.predictor.image_size, panel.predictor.image_size],
            "meaning": "grey levels by the contract of reading: air 0, bone 255",
        },
        "outputs": {name: _WORDS[name] for name in outputs},
        "reading": {
            # Raised whenever any file would end as other pixels.
            "reader_version": READER_VERSION,
            "script": "predict_onnx.py",
            # Else medcnn may decode at reduced resolution: pixels a few levels from the script's.
            "exact": members[0].settings.data.exact,
            "steps": STEPS,
        },
        "inside_the_graph": {
            "normalization": [member.normalization for member in members],
            "pixel_mean": [member.pixel_mean for member in members],
            "pixel_std": [member.pixel_std for member in members],
            "combination": panel.judgement.combination.vote if len(members) > 1 else None,
            "calibrator": panel.judgement.calibrator.to_json(),
        },
        "threshold": panel.threshold.to_json(),
        "detector": detector,
        "golden": f"{FOLDER}/golden.json",
        "proof": to_json(proof) | {"machine": platform.machine()},
        "hashes": _hashes(subject, folder),
        "warnings": [str(text) for text in subject.warnings],
    }


def _hashes(subject: Subject, folder: Path) -> dict[str, Any]:
    named = sorted([*folder.rglob("*.onnx"), *folder.rglob("*.safetensors"), *folder.glob("*.npz")])
    return {
        "checkpoints": [member.sha256 for member in subject.panel.predictor.members],
        **{path.relative_to(folder).as_posix(): sha256_of(path) for path in named},
    }


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of every file, as ``sha256sum -c`` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
