"""Predict files or folders: a thin launcher of ``medcnn predict``."""

from medcnn.cli import main

if __name__ == "__main__":
    main("predict")
