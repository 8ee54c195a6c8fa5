import pytest

from medcnn.errors import ConfigError
from medcnn.explanations.options import Options, read_options

GIVEN = {
    "method": "all",
    "stage": None,
    "split": "test",
    "images": 32,
    "sanity": 12,
    "marker": 64,
    "shown": 6,
    "steps": 10,
    "exact": False,
    "batch_size": 8,
    "level": 0.95,
    "seed": 0,
}


def test_the_defaults_of_the_command_are_those_of_the_class():
    assert read_options(GIVEN) == Options()


def test_one_method_or_several_are_taken_once_each():
    assert read_options(GIVEN | {"method": "grad_cam"}).methods == ("grad_cam",)
    several = ["layer_cam", "grad_cam", "layer_cam"]
    assert read_options(GIVEN | {"method": several}).methods == ("layer_cam", "grad_cam")


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("method", "gradcam", "did you mean 'grad_cam'"),
        ("images", 1, "images cannot be 1"),
        ("images", 3.5, "whole number from 2"),
        ("seed", True, "seed cannot be True"),
        ("level", 95, "such as 0.95"),
        ("exact", 1, "exact cannot be 1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(key, value, match):
    with pytest.raises(ConfigError, match=match):
        read_options(GIVEN | {key: value})


def test_a_stage_is_refused_where_the_method_has_none():
    with pytest.raises(ConfigError, match="looks at no single stage"):
        read_options(GIVEN | {"method": "occlusion", "stage": "layer1"})
    # With others beside it, the stage is for those that have one.
    both = read_options(GIVEN | {"method": ["occlusion", "grad_cam"], "stage": "layer1"})
    assert both.stage == "layer1"
