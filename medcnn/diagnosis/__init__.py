"""The learning-curve doctor: what the curves of a run say, why, and the overrides to try next.

The rules are pure functions of the curves and of a few facts about the run. They follow the usual
reading of learning curves: under-fitting, stopped too early, over-fitting, a good fit, and splits
that do not represent each other.
"""

from medcnn.diagnosis.verdicts import Diagnosis, diagnose, diagnose_run

__all__ = ["Diagnosis", "diagnose", "diagnose_run"]
