"""Cross-validation by patient: a run for each fold, and one report on what no model had seen."""
