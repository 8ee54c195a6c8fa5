import pytest

from medcnn.calibration.settings import Safeguards
from medcnn.errors import ConfigError
from medcnn.settings.reading import read


def read_safeguards(given):
    return read(Safeguards, given, lenient=True)


def test_options_are_read_and_absent_ones_are_off():
    assert read_safeguards({}) == Safeguards()
    assert not read_safeguards({"conformal": "split"}).any
    asked = read_safeguards({"alpha": 0.1, "refer": "npv >= 0.99", "prior_shift": "em"})
    assert (asked.alpha, asked.refer, asked.prior_shift) == (0.1, "npv>=0.99", "em")
    assert read_safeguards({"prior_shift": 0.02}).prior_shift == 0.02


@pytest.mark.each(
    ("options", "match"),
    [
        ({"alpha": 0}, "alpha cannot be 0"),
        ({"alpha": "10%"}, "alpha cannot be"),
        ({"alpha": True}, "alpha cannot be"),
        ({"conformal": "mondrian"}, "conformal cannot be 'mondrian'"),
        ({"refer": "most"}, "referral rule 'most' cannot be read"),
        ({"refer_by": "entropi"}, "did you mean refer_by=entropy"),
        ({"prior_shift": "auto"}, "prior_shift cannot be 'auto'"),
        ({"prior_shift": 1}, "prior_shift cannot be 1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(options, match):
    with pytest.raises(ConfigError, match=match):
        read_safeguards(options)
