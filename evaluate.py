"""Evaluate runs or predictions: a thin launcher of ``medcnn evaluate``."""

from medcnn.cli import main

if __name__ == "__main__":
    main("evaluate")
