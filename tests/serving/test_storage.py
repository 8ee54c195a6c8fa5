"""The DICOM door: what storescu pushes comes out as reports, once, and junk does nothing."""

import socket

import numpy as np
import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from medcnn.serving.settings import Limits
from medcnn.serving.spool import RECEIVED


@pytest.fixture(scope="module")
def doors_to(serve):
    def opened(port, **options):
        return serve(
            http=None, dicom="MEDCNN@127.0.0.1:0", send_to=f"ARCHIVE@127.0.0.1:{port}", **options
        )

    return opened


@pytest.fixture(scope="module")
def pair(doors_to, archive):
    """Return an open door and the archive behind it."""
    place = archive()
    with doors_to(place.port) as doors:
        yield doors, place


def test_what_is_pushed_comes_out_as_a_report_of_it(pair, storescu, make_image):
    doors, place = pair
    code, said = storescu(doors.dicom, make_image(uid="1.2.3.1"), make_image("monochrome1"))
    assert code == 0, said
    taken = place.wait(2)
    assert {each.SOPClassUID.name for each in taken} == {"Comprehensive 3D SR Storage"}
    assert {str(each.PatientName) for each in taken} == {"Doe^Jane"}
    _sent(doors.meter, 2)
    assert not [path for path in doors.spool.glob("re*/*") if path.is_file()]
    assert doors.spool.stat().st_mode & 0o777 == 0o700


def test_titles_are_checked_both_ways_and_other_objects_not_taken(pair, storescu, make_image):
    port, image = pair[0].dicom, make_image()
    code, said = storescu(port, image, caller="STRANGER")
    assert code != 0
    assert "Calling AE Title Not Recognized" in said
    code, said = storescu(port, image, called="ANOTHER")
    assert code != 0
    assert "Called AE Title Not Recognized" in said
    assert storescu(port, make_image(SOPClassUID=SecondaryCaptureImageStorage))[0] != 0
    assert "CannotUnderstand" in storescu(port, make_image(StudyInstanceUID=""))[1]


def test_a_full_spool_answers_0xa700(doors_to, archive, storescu, make_image, monkeypatch):
    from medcnn.serving.reporting import Reporter

    monkeypatch.setattr(Reporter, "arrived", lambda _: None)
    with doors_to(archive().port, limits=Limits(queue=1, num_workers=1)) as doors:
        images = [make_image(uid=f"1.2.3.{number}") for number in range(2)]
        said = storescu(doors.dicom, *images)[1]
        assert "OutOfResources" in said


def test_an_archive_that_refuses_is_asked_again(
    doors_to, archive, storescu, make_image, monkeypatch
):
    import medcnn.serving.sending

    monkeypatch.setattr(medcnn.serving.sending.Sender.__init__, "__defaults__", (None, 0.01))
    place = archive()
    place.refusals = 2
    with doors_to(place.port) as doors:
        assert storescu(doors.dicom, make_image())[0] == 0
        assert len(place.wait(1)) == 1


def test_an_image_that_cannot_be_answered_gets_no_report_and_stops_nobody(
    pair, storescu, make_image, capfd
):
    doors, place = pair
    before = len(place.taken)
    storescu(doors.dicom, make_image(uid="1.2.3.7", Rows=3000), make_image(uid="1.2.3.8"))
    report = place.wait(before + 1)[-1]
    (origin,) = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert origin.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.8"
    said = "".join(capfd.readouterr())
    assert "it gets no report" in said
    assert "Doe" not in said
    assert "MRN1" not in said


def test_junk_on_the_line_leaves_the_door_open(pair, storescu, make_image):
    rng = np.random.default_rng(0)
    huge = b"\x04\0" + (2**32 - 1).to_bytes(4, "big")
    doors, place = pair
    before = len(place.taken)
    for content in (b"", huge, *(rng.bytes(rng.integers(1, 400)) for _ in range(28))):
        with socket.create_connection(("127.0.0.1", doors.dicom)) as plug:
            plug.sendall(content)
    assert storescu(doors.dicom, make_image(uid="1.2.3.9"))[0] == 0
    place.wait(before + 1)


def test_a_data_set_that_is_too_large_is_cut_off(doors_to, archive, storescu, make_image):
    large = make_image(stored=np.zeros((2000, 1000), np.uint16))
    with doors_to(archive().port, limits=Limits(largest=1, num_workers=1)) as doors:
        assert storescu(doors.dicom, large)[0] != 0
        assert 'reason="large"' in doors.meter.text().decode()
        assert not list((doors.spool / RECEIVED).iterdir())


def test_a_real_archive_stores_once_and_answers(serve, orthanc, storescu, make_image, asking):
    web, dicom = orthanc
    image = make_image(uid="1.2.3.500")
    made = {"dicom": "MEDCNN@127.0.0.1:0", "send_to": f"ORTHANC@127.0.0.1:{dicom}", "http": None}
    with serve(**made) as doors:
        for count in (1, 2):
            assert storescu(doors.dicom, image, caller="ORTHANC")[0] == 0
            _sent(doors.meter, count)
            found = asking(web, path="/dicom-web/instances?Modality=SR").row
            assert len(found) == 1, f"after {count}"
    study, series, instance = (
        found[0][tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")
    )
    path = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata"
    (metadata,) = asking(web, path=path).row
    report = pydicom.Dataset.from_json(metadata)
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.PatientID == "MRN1"


def _sent(meter, count):
    import time

    for _ in range(600):
        if f"medcnn_reports_sent_total {count}.0" in meter.text().decode():
            return
        time.sleep(0.05)
    pytest.fail("no report was taken")
