"""The tree of settings of each command, by the name of its file in ``configs/``."""

from __future__ import annotations

from typing import Any

from medcnn.adaptation.settings import AdaptAsked, ShiftAsked
from medcnn.commands import settings
from medcnn.explanations.settings import Explain
from medcnn.exporting.settings import Export
from medcnn.inference.settings import Features, Predict
from medcnn.lr_find.settings import RangeTest
from medcnn.serving.settings import Serve
from medcnn.training.settings import Settings

TREES: dict[str, type[Any]] = {
    "train": Settings,
    "evaluate": settings.Evaluate,
    "predict": Predict,
    "export": Export,
    "shift": ShiftAsked,
    "serve": Serve,
    "adapt": AdaptAsked,
    "explain": Explain,
    "features": Features,
    "population": settings.Population,
    "audit": settings.Audit,
    "check": settings.Check,
    "lr_find": RangeTest,
    "diagnose": settings.Diagnose,
    "show": settings.Show,
    "doctor": settings.Doctor,
    "plan": settings.Plan,
}
