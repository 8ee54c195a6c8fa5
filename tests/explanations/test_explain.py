import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.explanations.explain import explain, stage_for, to_heat
from medcnn.explanations.names import METHODS
from medcnn.models import build_classifier
from medcnn.models.names import FAMILIES

from .conftest import as_model, gap_network

# The member of each family, the image size and the stem that step fastest.
SMALLEST = {
    family: (members[0], 32, "imagenet") for family, members in FAMILIES.items() if family != "own"
} | {
    "vit": ("vit_b_32", 64, "imagenet"),
    "vgg": ("vgg11_bn", 32, "imagenet"),
    "maxvit": ("maxvit_t", 32, "imagenet"),
    "alexnet": ("alexnet", 28, "small"),
    "inception": ("inception_v3", 24, "small"),
    "tiny": ("tiny_resnet", 32, "auto"),
    "xray": ("xray_cnn", 32, "auto"),
    "timm": ("timm:test_vit", 32, "auto"),
}
ROLLED_OUT = {"vit", "timm"}


@pytest.mark.parametrize("family", SMALLEST)
def test_every_family_is_explained_by_every_method_that_it_has(family):
    name, size, stem = SMALLEST[family]
    torch.manual_seed(0)
    model = as_model(build_classifier(name, weights="none", image_size=size, stem=stem))
    image = torch.rand(2, 1, size, size)
    methods = ["grad_cam"] + (["attention_rollout"] if family in ROLLED_OUT else [])
    for method in methods:
        heat = explain(model, image, method)
        assert heat.shape == (2, size, size) and heat.dtype is torch.float32
        assert heat.isfinite().all() and heat.min() >= 0 and heat.max() <= 1
    if family not in ROLLED_OUT:
        with pytest.raises(ConfigError, match="no attention from every place"):
            explain(model, image, "attention_rollout")


@pytest.mark.parametrize("method", [m for m in METHODS if m != "attention_rollout"])
def test_every_method_finds_the_bright_square_that_the_network_looks_for(method):
    body = nn.Conv2d(1, 1, 5, padding=2, bias=False)
    nn.init.constant_(body.weight, 1 / 25)
    network = gap_network(nn.Sequential(body, nn.Threshold(0.8, 0.0)), 1)
    nn.init.constant_(network.linear.weight, 1.0)
    image = torch.full((1, 1, 32, 32), 0.2)
    image[0, 0, 20:26, 4:10] = 1.0
    heat = explain(as_model(network), image, method)[0]
    inside = heat[18:28, 2:12].sum() / heat.sum()
    assert heat.max() == 1 and inside > 0.9


def test_dropout_is_off_and_the_mode_is_given_back(model, image):
    model.network.train()
    first, second = (explain(model, image, "grad_cam") for _ in range(2))
    torch.testing.assert_close(first, second)
    assert model.network.training


def test_the_normalisation_is_part_of_the_network(model, image):
    shifted = as_model(model.network, lambda x: (x - 0.4) / 0.2)
    torch.testing.assert_close(
        explain(shifted, image, "grad_cam"), explain(model, (image - 0.4) / 0.2, "grad_cam")
    )
    theirs = explain(shifted, image, "integrated_gradients")
    torch.testing.assert_close(theirs, explain(model, (image - 0.4) / 0.2, "integrated_gradients"))


def test_an_image_without_evidence_is_empty_and_not_nan():
    heat = to_heat(torch.stack([-torch.rand(4, 4), torch.rand(4, 4)]), (8, 8))
    assert heat[0].eq(0).all() and heat[1].max() == 1


def test_heat_keeps_its_place_when_it_is_enlarged():
    raw = torch.zeros(1, 4, 4)
    raw[0, 1, 2] = 1.0
    heat = to_heat(raw, (32, 32))[0]
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    centre = [float((heat * axis).sum() / heat.sum()) for axis in (rows, columns)]
    assert centre == pytest.approx([11.5, 19.5])


def test_the_stage_is_told_and_can_be_chosen(model, image):
    assert stage_for(model, image, "grad_cam", None) == "layer2"
    assert stage_for(model, image, "layer_cam", "layer1") == "layer1"
    assert stage_for(model, image, "occlusion", None) is None
    early = explain(model, image, "layer_cam", "layer1")
    assert not torch.allclose(early, explain(model, image, "layer_cam", "layer2"))


def test_a_wrong_name_is_refused(model, image):
    with pytest.raises(ConfigError, match="did you mean 'occlusion'"):
        explain(model, image, "oclusion")
