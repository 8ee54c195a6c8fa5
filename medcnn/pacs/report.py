"""A result as a structured report: Comprehensive 3D SR by TID 1500 of DICOM PS3.16."""

from __future__ import annotations

from dataclasses import dataclass

from highdicom import sr
from pydicom.sr.coding import Code

from medcnn.pacs import codes
from medcnn.pacs.identity import Judge, uid_of
from medcnn.pacs.source import CHARACTERS, Source, stamp
from medcnn.version import __version__

KIND = "report"
DIGITS = 4
"""Of a probability: the last digits depend on which images went through the network together."""
MAKER = "medcnn"
SERIES_NUMBER = 9901
UNLIKE = "unlike the training images"


@dataclass(frozen=True)
class Outcome:
    """What was found in one image.

    Attributes:
        p: The probability of abnormal.
        interval: How often images that score like this one are abnormal; None where unknown.
        decision: ``normal`` or ``abnormal``.
        referred: Whether a radiologist is to see it; None where nothing is referred.
        foreign: Why the image is unlike the training images; empty where it is not.
    """

    p: float
    interval: tuple[float, float] | None
    decision: str
    referred: bool | None = None
    foreign: str = ""


def build_report(source: Source, outcome: Outcome, judge: Judge) -> sr.Comprehensive3DSR:
    """Return the report of one image.

    It is PRELIMINARY and UNVERIFIED. An image unlike the training images gets no decision and no
    probability, which somebody would read a decision from.

    Args:
        source: The image.
        outcome: What was found.
        judge: What found it.
    """
    image = source.reference
    content = sr.MeasurementReport(
        observation_context=_observer(judge),
        procedure_reported=codes.PROCEDURE,
        imaging_measurements=[_group(source, outcome, judge)],
        title=codes.TITLE,
    )
    _add_comment(content, _words(outcome))
    report = sr.Comprehensive3DSR(
        evidence=[image],
        content=content,
        series_instance_uid=uid_of(source.uid, judge.digest, KIND, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_of(source.uid, judge.digest, KIND),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=judge.name,
        software_versions=__version__,
        device_serial_number=judge.digest[:16],
        series_description="medcnn: preliminary, not verified",
        is_complete=True,
        content_date=source.moment[0],
        content_time=source.moment[1],
        specific_character_set=CHARACTERS,
    )
    stamp(report, source.moment)
    return report


def _observer(judge: Judge) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=judge.device_uid,
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=judge.name,
        serial_number=judge.digest[:16],
    )
    context = sr.ObserverContext(observer_type=codes.DEVICE, observer_identifying_attributes=device)
    return sr.ObservationContext(observer_device_context=context)


def _group(
    source: Source, outcome: Outcome, judge: Judge
) -> sr.MeasurementsAndQualitativeEvaluations:
    image = source.reference
    algorithm = sr.AlgorithmIdentification(
        name=f"{MAKER} {judge.name}",
        version=__version__,
        parameters=judge.parameters,
        family=codes.FAMILY,
    )
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=uid_of(source.uid, judge.digest, "tracking"), identifier="whole image"
        ),
        algorithm_id=algorithm,
        finding_sites=[sr.FindingSite(codes.CHEST)],
        measurements=None if outcome.foreign else [_probability(outcome)],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name, value) for name, value in _evaluations(outcome)
        ],
        source_images=[sr.SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID)],
    )


def _probability(outcome: Outcome) -> sr.Measurement:
    properties = None
    p = round(outcome.p, DIGITS)
    if outcome.interval is not None:
        low, high = (round(bound, DIGITS) for bound in outcome.interval)
        # Ranges are measured from the value; where it lies outside, the words alone say it.
        if low <= p <= high:
            properties = sr.MeasurementProperties(
                upper_measurement_uncertainty=round(high - p, DIGITS),
                lower_measurement_uncertainty=round(p - low, DIGITS),
            )
    return sr.Measurement(codes.PROBABILITY, p, codes.NO_UNITS, properties=properties)


def _evaluations(outcome: Outcome) -> list[tuple[Code, Code]]:
    if outcome.foreign:
        found = [(codes.NORMALITY, codes.UNDETERMINED), (codes.SUITABILITY, codes.OUTSIDE_LIMITS)]
    else:
        abnormal = outcome.decision == "abnormal"
        found = [(codes.NORMALITY, codes.ABNORMAL if abnormal else codes.NORMAL)]
    if outcome.referred:
        found.append((codes.RECOMMENDATION, codes.PHYSICIAN_REVIEW))
    return found


def _words(outcome: Outcome) -> str:
    """Return what codes cannot say."""
    if outcome.foreign:
        return f"No decision: the image is {UNLIKE} ({outcome.foreign})."
    if outcome.interval is None:
        return "Probability of abnormal, without an interval: there are no validation predictions."
    low, high = outcome.interval
    return (
        f"Probability of abnormal; of images that score like this one {low:.{DIGITS}f} to "
        f"{high:.{DIGITS}f} are abnormal (95% interval from validation)."
    )


def _add_comment(content: sr.MeasurementReport, words: str) -> None:
    """Add a comment to the measurement group (TID 1501), which highdicom has no argument for."""
    (measurements,) = (
        item for item in content[0].ContentSequence if item.name == codes.MEASUREMENTS
    )
    measurements.ContentSequence[0].ContentSequence.append(
        sr.TextContentItem(
            codes.COMMENT, words, relationship_type=sr.RelationshipTypeValues.CONTAINS
        )
    )
