"""Reports of varied images: valid, read back, the same again, and silent where there is no decision."""

import pydicom
import pytest
from highdicom.sr import Comprehensive3DSR, srread
from pydicom.sr.codedict import codes

from medcnn.pacs.report import Outcome, build_report
from medcnn.pacs.source import quiet, read_source

ABNORMAL = Outcome(0.83, (0.7, 0.9), "abnormal", referred=True)
FOREIGN = Outcome(0.5, (0.4, 0.7), "abnormal", referred=False, foreign="256×1024: no chest")
OUTCOMES = (ABNORMAL, FOREIGN, Outcome(0.02, None, "normal"), Outcome(0.5, (0.6, 0.7), "abnormal"))


def saved(path, source, outcome, judge):
    with quiet():
        build_report(source, outcome, judge).save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def group_of(images, judge, tmp_path):
    """Return a function that gives the measurement group of a report, read back from its file."""

    def read(outcome):
        source = read_source(images / "plain.dcm")
        report = srread(saved(tmp_path / "report.dcm", source, outcome, judge))
        assert isinstance(report, Comprehensive3DSR)
        (group,) = report.content.get_image_measurement_groups()
        return group

    return read


def test_every_report_of_every_sort_of_image_is_valid(images, judge, errors_of, tmp_path):
    paths = sorted(images.glob("*.dcm"))
    assert len(paths) >= 20
    for number, path in enumerate(paths):
        outcome = OUTCOMES[number % len(OUTCOMES)]
        file = saved(tmp_path / path.name, read_source(path), outcome, judge)
        assert errors_of(file) == [], path.name


def test_a_report_says_what_was_found(group_of):
    group = group_of(ABNORMAL)
    (probability,) = group.get_measurements(codes.DCM.Probability)
    assert float(probability.value) == 0.83
    named = {item.name: item.value for item in probability[0].ContentSequence}
    assert float(named[codes.SCT.RangeOfUpperMeasurementUncertainty]) == pytest.approx(0.07)
    assert float(named[codes.SCT.RangeOfLowerMeasurementUncertainty]) == pytest.approx(0.13)
    told = {each.name: each.value for each in group.get_qualitative_evaluations()}
    assert told[codes.DCM.Normality] == codes.SCT.Abnormal
    assert told[codes.DCM.Recommendation] == codes.DCM.ForPhysicianReview
    assert [str(each.referenced_sop_instance_uid) for each in group.source_images] == ["1.2.3.4.1"]


def test_an_image_unlike_the_training_images_gets_no_decision_and_no_probability(group_of):
    group = group_of(FOREIGN)
    assert group.get_measurements() == []
    told = {each.name: each.value for each in group.get_qualitative_evaluations()}
    assert told == {
        codes.DCM.AlgorithmFamily: codes.DCM.ArtificialIntelligence,
        codes.DCM.Normality: codes.SCT.NormalityUndetermined,
        codes.DCM.QualityAssessment: codes.DCM.OutsideOperationalLimitsOfTheDevice,
    }
    comment = [item.value for item in group[0].ContentSequence if item.name == codes.DCM.Comment]
    assert "unlike the training images (256×1024: no chest)" in comment[0]


def test_the_model_and_the_state_of_the_report_stand_in_it(images, judge, tmp_path):
    file = saved(tmp_path / "r.dcm", read_source(images / "plain.dcm"), ABNORMAL, judge)
    dataset = pydicom.dcmread(file)
    assert (dataset.PreliminaryFlag, dataset.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert (dataset.PatientID, dataset.PatientName, dataset.AccessionNumber) == (
        *("MRN1", "Doe^Jane", "A1"),
    )
    assert dataset.StudyInstanceUID == "1.2.826.0.1.3680043.8.498.10"
    texts = [item.value for item in dataset.iterall() if item.keyword == "TextValue"]
    assert f"checkpoint sha256 {'ab' * 32}" in texts
    assert "threshold 0.41, rule youden, chosen on val" in texts


def test_made_again_it_is_the_same_object_byte_for_byte(images, judge, tmp_path):
    source = read_source(images / "umlaut.dcm")
    first, second = (
        saved(tmp_path / name, source, ABNORMAL, judge).read_bytes() for name in ("a", "b")
    )
    assert first == second
    assert pydicom.dcmread(tmp_path / "a").PatientName == "Müller^Jürgen"


def test_an_interval_that_misses_the_probability_stands_in_words_alone(group_of):
    group = group_of(Outcome(0.5, (0.6, 0.7), "abnormal"))
    (probability,) = group.get_measurements()
    assert "ContentSequence" not in probability[0]
    (comment,) = (item.value for item in group[0].ContentSequence if item.name == codes.DCM.Comment)
    assert "0.6000 to 0.7000" in comment
