"""Data sources: one module reduces one public release, as downloaded, to a manifest."""
