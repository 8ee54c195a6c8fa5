"""What is wrong with a file, in plain words, before a training or a prediction finds out."""

from __future__ import annotations

from medcnn.io.doctor.examination import Examination, examine
from medcnn.io.doctor.finding import SEVERITIES, Finding

__all__ = ["SEVERITIES", "Examination", "Finding", "examine"]
