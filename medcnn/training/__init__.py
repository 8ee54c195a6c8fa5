"""Training: from settings and prepared data to a trained, calibrated and reported run."""
