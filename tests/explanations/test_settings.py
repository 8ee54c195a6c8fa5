from dataclasses import replace
from pathlib import Path

import pytest

from medcnn.errors import ConfigError
from medcnn.explanations.settings import Explain, check_explain
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


def asked(*overrides):
    return check_explain(read(Explain, plain(compose("explain", ["run=r", *overrides]))))


def test_the_defaults_of_the_command_are_those_of_the_class():
    assert asked() == replace(Explain(), run=Path("r"))


def test_one_method_or_several_are_taken_once_each():
    assert asked("method=grad_cam").methods == ("grad_cam",)
    assert asked("method=[layer_cam,grad_cam,layer_cam]").methods == ("layer_cam", "grad_cam")


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("method", "gradcam", "did you mean 'grad_cam'"),
        ("images", 1, "images cannot be 1"),
        ("images", 3.5, "whole number from 2"),
        ("seed", "true", "seed cannot be True"),
        ("level", 95, "such as 0.95"),
        ("exact", 1, "exact cannot be 1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(key, value, match):
    with pytest.raises(ConfigError, match=match):
        asked(f"{key}={value}")


def test_a_stage_is_refused_where_the_method_has_none():
    with pytest.raises(ConfigError, match="looks at no single stage"):
        asked("method=occlusion", "stage=layer1")
    # With others beside it, the stage is for those that have one.
    both = asked("method=[occlusion,grad_cam]", "stage=layer1")
    assert both.stage == "layer1"
