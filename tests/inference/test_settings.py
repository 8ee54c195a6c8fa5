from pathlib import Path

import pytest

from medcnn.errors import ConfigError
from medcnn.inference.settings import Predict
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


def given(*overrides):
    return read(Predict, plain(compose("predict", ["run=r", "input=in", *overrides])))


def test_the_defaults_of_the_command_are_read():
    options = given("num_workers=3")
    assert (options.run, options.input, options.output) == (
        ("r",),
        Path("in"),
        Path("predictions.csv"),
    )
    assert options.resume and not options.exact
    assert (options.tolerance, options.inference.batch_size, options.workers) == (0.02, 64, 3)
    assert not options.safeguards.any


def test_auto_takes_no_more_workers_than_cores():
    assert 0 <= given().workers <= 4096


@pytest.mark.each(
    ("override", "match"),
    [
        ("output=table.xlsx", "cannot be written to table.xlsx"),
        ("output=.", "a folder"),
        ("exact=maybe", "exact cannot be 'maybe'"),
        ("tolerance=0", "exact=true"),
        ("tolerance=0.9", "at most 0.2"),
        ("batch_size=0", "batch_size cannot be 0"),
        ("num_workers=-1", "num_workers cannot be -1"),
        ("alpha=2", "alpha cannot be 2"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(override, match):
    with pytest.raises(ConfigError, match=match):
        given(override)
