import pytest
import torch
import torchvision
from torch import nn

from medcnn.layers.windows import Window
from medcnn.models.arithmetic import Field
from medcnn.models.backbones import build_backbone
from medcnn.models.fields import FieldMode, field_of, follow_module, mark, windows_of


def _field(module, image):
    """Return the receptive field that the mode finds for a module's output."""
    handles = [m.register_forward_hook(follow_module) for m in module.modules()]
    mark(image, (Field(), Field()))
    with FieldMode(), torch.no_grad():
        found = field_of(module(image))
    for handle in handles:
        handle.remove()
    return found if isinstance(found, str) else (found[0].size, found[1].size)


def _support(module, image):
    """Return height and width of what a middle place depends on, by autograd."""
    image = image.clone().requires_grad_()
    output = module(image)
    output[0, :, output.shape[2] // 2, output.shape[3] // 2].sum().backward()
    seen = image.grad[0].abs().sum(0) > 0
    return int(seen.any(1).sum()), int(seen.any(0).sum())


def _all_positive(module):
    """Make every path count: positive weights, and means for maxima (their windows are the same)."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.MaxPool2d):
                mean = nn.AvgPool2d(
                    child.kernel_size, child.stride, child.padding, ceil_mode=child.ceil_mode
                )
                setattr(parent, name, mean)
    for parameter in module.parameters():
        parameter.data.fill_(1.0) if parameter.ndim < 2 else parameter.data.fill_(
            1.0 / parameter[0].numel()
        )
    return module.double().eval()


def _up_to(name, stage, size):
    backbone = build_backbone(name, image_size=size, stem="imagenet")
    modules = [module for _, module in backbone.stages[: backbone.index(stage) + 1]]
    return _all_positive(nn.Sequential(*modules))


@pytest.mark.parametrize(
    ("name", "stage", "size"),
    [
        ("tiny_resnet", "layer3", 128),
        ("resnet18", "layer2", 160),
        ("googlenet", "layer1", 160),
        ("densenet121", "layer1", 128),
    ],
)
def test_the_field_is_what_the_gradient_reaches(name, stage, size):
    network = _up_to(name, stage, size)
    image = torch.rand(1, 1, size, size, dtype=torch.float64)
    found = _field(network, image)
    assert max(found) < size
    assert found == _support(network, image)


def test_oblong_and_dilated_filters_are_followed():
    network = _all_positive(
        nn.Sequential(nn.Conv2d(1, 1, (1, 7)), nn.Conv2d(1, 1, 3, dilation=2), nn.AvgPool2d(2))
    )
    image = torch.rand(1, 1, 40, 40, dtype=torch.float64)
    assert _field(network, image) == _support(network, image) == (6, 12)


@pytest.mark.parametrize(("name", "published"), [("vgg11", 150), ("alexnet", 195)])
def test_published_fields(name, published):
    # Araujo et al. 2019 give 195 for AlexNet; VGG-11 follows by hand: blocks of 1, 1, 2, 2, 2
    # convolutions with pooling: 1 + 2 + 1 + 4 + 2 + 2·8 + 4 + 2·16 + 8 + 2·32 + 16.
    with torch.device("meta"):
        features = torchvision.models.get_model(name, weights=None).features
        image = torch.rand(1, 3, 224, 224)
    assert _field(features.eval(), image) == (published, published)


def test_functional_pooling_is_followed():
    class Functional(nn.Module):
        def forward(self, image):
            hidden = nn.functional.max_pool2d(image, kernel_size=3, stride=2)
            return nn.functional.avg_pool2d(hidden, 2)

    assert _field(Functional(), torch.rand(1, 1, 32, 32)) == (5, 5)


@pytest.mark.parametrize(
    "module",
    [
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
    ],
)
def test_what_joins_all_places_sees_the_whole_image(module):
    assert _field(module, torch.rand(1, 1, 8, 8)) == "image"


def test_squeeze_and_excitation_is_left_out():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), torchvision.ops.SqueezeExcitation(4, 2))
    assert _field(network, torch.rand(1, 1, 8, 8)) == (3, 3)


def test_attention_sees_everything_or_says_nothing():
    vit = build_backbone("timm:test_vit", image_size=32).eval()
    assert _field(vit, torch.rand(1, 1, 32, 32)) == "image"

    class Windowed(nn.Module):
        def forward(self, maps):
            return maps.matmul(maps)

    assert _field(Windowed(), torch.rand(1, 1, 8, 8)) == "window"


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (nn.Conv2d(1, 1, 5, padding="same", dilation=2), Window(5, 1, 4, 2)),
        (nn.Conv2d(1, 1, 5, padding="valid"), Window(5)),
        (nn.MaxPool2d(3, ceil_mode=True), Window(3, 3, ceil=True)),
    ],
)
def test_the_windows_of_a_layer(module, expected):
    assert windows_of(module) == (expected, expected)
    assert windows_of(nn.Linear(2, 2)) is None


def test_what_does_not_come_from_the_image_has_no_field():
    with FieldMode():
        assert field_of(torch.ones(2) + 1) is None
