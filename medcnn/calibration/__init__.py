"""What is learnt on validation after training: what makes a probability safe to use."""

from medcnn.calibration.calibrator import NAMES, Calibrator, probability
from medcnn.calibration.fit import LIMITS, fit_calibrator, fit_temperature

__all__ = ["LIMITS", "NAMES", "Calibrator", "fit_calibrator", "fit_temperature", "probability"]
