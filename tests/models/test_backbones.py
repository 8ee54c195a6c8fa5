import pytest

from medcnn.errors import ConfigError
from medcnn.models.backbones import build_backbone


@pytest.mark.parametrize(
    ("name", "option", "expected"),
    [
        ("resnet18", "widths", "no further options"),
        ("tiny_resnet", "depth", r"model.blocks, model.widths"),
        ("xray_cnn", "width", "model.widths"),
    ],
)
def test_an_option_that_the_architecture_lacks_is_refused(name, option, expected):
    with pytest.raises(ConfigError, match=f"has no option '{option}'(.|\n)*{expected}"):
        build_backbone(name, **{option: 3})


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ConfigError, match="no backbone named 'lenet'"):
        build_backbone("lenet")
