"""Data: manifest, splits, audit, cache and batches."""
