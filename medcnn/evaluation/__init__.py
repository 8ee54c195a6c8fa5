"""From a Predictions table to results: every number with its interval, and no torch."""
