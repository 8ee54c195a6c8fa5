"""What is counted, and under which word."""

from medcnn.serving.measuring import Meter


def test_answers_are_counted_by_what_they_say():
    meter = Meter()
    meter.count("http", {"decision": "normal", "out_of_distribution": 0, "patient_id": "MRN1"})
    meter.count("http", {"decision": "abnormal", "out_of_distribution": 1})
    meter.count("dicom", {"decision": None, "error_kind": "corrupt"})
    text = meter.text().decode()
    for labels in (
        '"http",outcome="normal"',
        '"http",outcome="foreign"',
        '"dicom",outcome="corrupt"',
    ):
        assert f"medcnn_images_total{{door={labels}}} 1.0" in text
    assert "MRN1" not in text
