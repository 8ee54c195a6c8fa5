import re

import torch
import torchvision

from medcnn.models.adaptation import adapt, one_channel_state, standard_input
from medcnn.models.backbones import build_backbone


def test_only_convolutions_of_three_channels_are_summed():
    state = {
        "stem": torch.rand(4, 3, 5, 5),
        "inner": torch.rand(4, 8, 3, 3),
        "linear": torch.rand(4, 3),
    }
    adapted = one_channel_state(state)
    torch.testing.assert_close(adapted["stem"], state["stem"].sum(1, keepdim=True))
    assert adapted["inner"] is state["inner"] and adapted["linear"] is state["linear"]


def test_the_old_names_in_densenets_files_are_read():
    # torchvision's files say norm.1 where its networks say norm1 (torchvision/models/densenet.py).
    state = torchvision.models.densenet121(weights=None).state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key): value
        for key, value in state.items()
    }
    assert set(old) != set(state)
    backbone = build_backbone("densenet121")
    adapted = adapt(old, backbone)
    assert set(adapted) == set(backbone.body.state_dict())


def test_the_classifier_is_left_out_and_strange_keys_stay():
    backbone = build_backbone("resnet18")
    state = {"fc.weight": torch.ones(1000, 512), "strange": torch.ones(1)}
    assert set(adapt(state, backbone)) == {"strange"}


def test_fully_connected_layers_that_the_backbone_keeps_are_kept():
    backbone = build_backbone("alexnet")
    state = torchvision.models.alexnet(weights=None).state_dict()
    adapted = adapt(state, backbone)
    assert "classifier.1.weight" in adapted and "classifier.6.weight" not in adapted
    backbone.body.load_state_dict(adapted)


def test_inception_gets_its_input_range_through_its_first_layer():
    torch.manual_seed(0)
    theirs = torchvision.models.inception_v3(
        weights=None, transform_input=True, aux_logits=True, init_weights=False
    ).eval()
    theirs.Conv2d_1a_3x3.bn.running_mean.normal_()
    backbone = build_backbone("inception_v3", image_size=75).eval()
    backbone.body.load_state_dict(adapt(theirs.state_dict(), backbone))
    theirs.fc = torch.nn.Identity()
    image = torch.randn(2, 1, 75, 75)
    with torch.no_grad():
        torch.testing.assert_close(
            backbone(image), theirs(image.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4
        )


def test_a_state_of_one_channel_needs_no_change_of_range():
    state = {"conv1.conv.weight": torch.rand(4, 1, 7, 7)}
    assert standard_input(state, "conv1") == {}


def test_positions_of_a_vision_transformer_follow_the_image_size():
    backbone = build_backbone("vit_b_32", image_size=64)
    key = "encoder.pos_embedding"
    published = torch.randn(1, 1 + 7 * 7, 768)
    published[:, 1:] = torch.arange(768.0)  # positions that do not differ stay what they are
    adapted = adapt({key: published}, backbone)
    assert adapted[key].shape == (1, 1 + 2 * 2, 768)
    torch.testing.assert_close(adapted[key][:, 0], published[:, 0])
    torch.testing.assert_close(adapted[key][:, 1:], published[:, 1:5])
    same = torch.randn(1, 5, 768)
    assert adapt({key: same}, backbone)[key] is same
