"""Augmentations, drawn once for a batch and executed by OpenCV on a CPU or by torch on a device."""

from __future__ import annotations

from medcnn.augment.pipeline import OPERATORS, Augmentation, Parameters

__all__ = ["OPERATORS", "Augmentation", "Parameters"]
