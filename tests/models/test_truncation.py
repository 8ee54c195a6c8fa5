import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.models.backbones import build_backbone
from medcnn.models.truncation import shortened


@pytest.mark.parametrize("name", ["tiny_resnet", "swin_t", "vit_b_16"])
def test_the_features_are_the_means_of_the_stages_maps(name):
    torch.manual_seed(0)
    whole = build_backbone(name, image_size=32).eval()
    stage = whole.stages[1][0]
    image = torch.rand(2, 1, 32, 32)
    cut = shortened(whole, stage, 32)
    expected = whole.as_map(whole.up_to(stage, image)).mean((2, 3))
    torch.testing.assert_close(cut(image), expected)
    assert cut.feature_dim == expected.shape[1]
    assert [name for name, _ in cut.stages] == [name for name, _ in whole.stages[:2]]


def test_files_of_the_whole_network_still_fit_what_is_left():
    whole = build_backbone("tiny_resnet", image_size=32)
    cut = shortened(whole, "stem", 32)
    assert cut.load_state_dict(whole.state_dict()).missing_keys == []


def test_an_unknown_stage_is_refused():
    with pytest.raises(ConfigError, match="stage of tiny_resnet"):
        shortened(build_backbone("tiny_resnet", image_size=32), "layer9", 32)
