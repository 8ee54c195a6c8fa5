import pytest
import torch
import torchvision

from medcnn.errors import ConfigError
from medcnn.models import build_classifier
from medcnn.models.backbones import build_backbone
from medcnn.models.names import FAMILIES
from medcnn.models.stages import stage_parameters

# The member of each family, the image size and the stem that step fastest.
SMALLEST = {
    family: (members[0], 32, "imagenet") for family, members in FAMILIES.items() if family != "own"
} | {
    "vit": ("vit_b_32", 32, "imagenet"),
    "vgg": ("vgg11_bn", 32, "imagenet"),
    "maxvit": ("maxvit_t", 32, "imagenet"),
    "alexnet": ("alexnet", 28, "small"),
    "inception": ("inception_v3", 24, "small"),
}


@pytest.mark.parametrize("family", SMALLEST)
def test_each_family_is_its_chain_of_stages_and_takes_a_step(family):
    name, size, stem = SMALLEST[family]
    torch.manual_seed(0)
    model = build_classifier(name, weights="none", image_size=size, stem=stem)
    backbone = model.backbone.eval()
    image = torch.rand(2, 1, size, size)

    with torch.no_grad():
        theirs, ours = backbone.body(image), backbone(image)
    torch.testing.assert_close(ours, theirs)
    assert ours.shape == (2, backbone.feature_dim)

    owned = [id(p) for parameters in stage_parameters(backbone).values() for p in parameters]
    assert sorted(owned) == sorted(id(p) for p in backbone.parameters())

    maps, hidden = [], image
    with torch.no_grad():
        for _, stage in backbone.stages:
            hidden = stage(hidden)
            maps.append(backbone.as_map(hidden))
    assert all(m.ndim == 4 and m.shape[-1] == m.shape[-2] for m in maps)
    sizes = [m.shape[-1] for m in maps]
    assert sizes == sorted(sizes, reverse=True)

    model.train()
    before = [p.detach().sum() for p in model.parameters()]
    loss = torch.nn.functional.softplus(model(image)).mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    moved = [p.detach().sum() != b for p, b in zip(model.parameters(), before, strict=True)]
    assert sum(moved) > len(moved) / 2


def test_the_one_channel_stem_answers_like_rgb_with_equal_channels():
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(weights=None).eval()
    ours = build_backbone("resnet18", stem="imagenet").eval()
    state = {key: value for key, value in theirs.state_dict().items() if not key.startswith("fc")}
    state["conv1.weight"] = state["conv1.weight"].sum(1, keepdim=True)
    ours.body.load_state_dict(state)
    theirs.fc = torch.nn.Identity()
    image = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(
        ours(image), theirs(image.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4
    )


@pytest.mark.each(
    ("name", "stages"),
    [
        ("resnet18", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("densenet121", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("efficientnet_b0", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("mobilenet_v3_small", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("regnet_y_400mf", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("googlenet", ["stem", "layer1", "layer2", "layer3"]),
        ("alexnet", ["layer1", "layer2", "layer3"]),
    ],
)
def test_stages_have_the_same_names_in_every_family(name, stages):
    assert [stage for stage, _ in build_backbone(name, image_size=64).stages] == stages


def test_each_stage_of_a_resnet_at_224_has_the_published_size():
    # He et al. 2016, table 1.
    backbone = build_backbone("resnet18").eval()
    with torch.no_grad():
        shapes = [
            tuple(backbone.up_to(stage, torch.rand(1, 1, 224, 224)).shape[1:])
            for stage in ("stem", "layer1", "layer2", "layer3", "layer4")
        ]
    assert shapes == [(64, 56, 56), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_auxiliary_classifiers_are_gone():
    keys = build_backbone("googlenet", image_size=64).state_dict()
    assert not [key for key in keys if "aux" in key.lower()]


def test_maxvits_windows_follow_the_image():
    for size, window in ((64, 2), (224, 7)):
        with torch.device("meta"):
            assert build_backbone("maxvit_t", image_size=size).body.partition_size == window


def test_a_size_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="vit_b_16 does not take images of 60 pixels"):
        build_backbone("vit_b_16", image_size=60)
