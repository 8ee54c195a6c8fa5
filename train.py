"""Train, test and report: a thin launcher of ``medcnn train``."""

from medcnn.cli import main

if __name__ == "__main__":
    main("train")
