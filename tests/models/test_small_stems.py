import pytest
import torch

from medcnn.models.backbones import build_backbone
from medcnn.models.small_stems import keep_resolution


@pytest.mark.each(
    ("name", "first", "finest"),
    [
        ("resnet18", "stem", 28),
        ("densenet121", "stem", 28),
        ("efficientnet_b0", "stem", 28),
        ("mobilenet_v2", "stem", 28),
        ("regnet_x_400mf", "stem", 28),
        ("convnext_tiny", "stem", 14),
        ("swin_t", "stem", 14),
        ("googlenet", "stem", 14),
        ("alexnet", "layer1", 10),
    ],
)
def test_the_first_stage_of_a_small_image_is_fine(name, first, finest):
    image = torch.rand(1, 1, 28, 28)
    backbone = build_backbone(name, image_size=28).eval()
    with torch.no_grad():
        assert backbone.as_map(backbone.up_to(first, image)).shape[-1] == finest


def test_without_it_a_resnet_sees_seven_places():
    backbone = build_backbone("resnet18", image_size=28, stem="imagenet").eval()
    with torch.no_grad():
        assert backbone.up_to("stem", torch.rand(1, 1, 28, 28)).shape[-1] == 7


def test_pretrained_3x3_filters_stay_and_7x7_are_replaced():
    kept = build_backbone("efficientnet_b0", image_size=28).body.features[0][0]
    assert kept.weight.shape[2:] == (3, 3) and kept.stride == (1, 1)
    assert build_backbone("resnet18", image_size=28).body.conv1.weight.shape == (64, 1, 3, 3)


def test_other_families_are_left_alone():
    body = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 4, stride=4))
    keep_resolution(body, "vit")
    assert body[0].stride == (4, 4)
