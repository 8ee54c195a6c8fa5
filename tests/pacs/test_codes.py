"""Every code is a standard one, with the meaning that the dictionaries give it."""

from pydicom.sr.coding import Code

from medcnn.pacs import codes

STANDARD = {"DCM", "SCT", "UCUM"}


def test_no_code_is_private():
    found = [value for value in vars(codes).values() if isinstance(value, Code)]
    assert len(found) >= 17
    assert {code.scheme_designator for code in found} == STANDARD
    assert (codes.NORMALITY.value, codes.UNDETERMINED.value) == ("121402", "371934000")
    assert codes.OUTSIDE_LIMITS.meaning == "Outside operational limits of the device"
