"""The version and the name of the distribution, below everything else."""

__version__ = "0.1.0"

DISTRIBUTION = "medcnn-cxr"
"""The name that pip knows; ``medcnn``, as the package is imported, is a stranger's there."""

REPORT_TO = "the issue tracker of the repository that you installed it from"
"""Where faults are reported."""


def how_to_install(extra: str = "") -> str:
    """Return the command that installs medcnn, with one of its extras.

    Until a release there is no other place to install from than a checkout.

    >>> how_to_install("dicom")
    "pip install -e '.[dicom]' in the checkout of medcnn"
    """
    what = f"'.[{extra}]'" if extra else "."
    return f"pip install -e {what} in the checkout of medcnn"
