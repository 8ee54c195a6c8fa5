"""Whether what is asked for can be had, before anything else is done."""

from __future__ import annotations

from collections.abc import Iterable

from medcnn.errors import ConfigError, require_packages
from medcnn.inference.settings import DicomResults


def check_results(asked: DicomResults) -> None:
    """Refuse results that cannot be written.

    Raises:
        ConfigError: Naming the extra, or what belongs to ``dicom=``.
    """
    if asked.dicom is None:
        if asked.heat is not None:
            raise ConfigError(
                "Heat maps of predictions are written as DICOM objects.",
                expected="dicom=FOLDER beside it",
                found=f"heat={asked.heat} alone",
                remedy="add dicom=FOLDER; medcnn explain shows heat maps of a run's own images",
            )
        return
    require_packages(["highdicom"], "pacs", "dicom=FOLDER")
    if asked.dicom.exists() and not asked.dicom.is_dir():
        raise ConfigError(
            f"DICOM results cannot be written to {asked.dicom}.",
            expected="a folder",
            found="a file",
        )


def check_identity(asked: DicomResults, hidden: Iterable[bool]) -> None:
    """Refuse reports that name patients whom a run was told to hide.

    Raises:
        ConfigError: If one of the runs hashes its patients, and it is not asked to name them here.
    """
    if any(hidden) and not asked.keep_identity:
        raise ConfigError(
            "The run hashes its patients, and a report in the archive names them.",
            expected="keep_identity=true, or no dicom=",
            found="data.hash_patients=true in the run, keep_identity=false",
            remedy="add keep_identity=true if the reports stay where the images are: they carry the "
            "names of their headers, while the table stays hashed",
        )
