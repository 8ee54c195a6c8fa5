import pytest
import torch
import torchvision
from torch import nn

from medcnn.models import build_classifier
from medcnn.models.arithmetic import convolution_multiply_adds
from medcnn.models.inventory import take_inventory


def test_the_lectures_convolution():
    (layer,) = take_inventory(nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32)).layers
    assert layer.output == (10, 32, 32)
    assert layer.working == "(32 + 2·2 - 5)/1 + 1 = 32"
    assert (layer.parameters, layer.multiply_adds) == (760, 768_000)
    assert layer.receptive_field == (5, 5)
    assert layer.activation_bytes == 10 * 32 * 32 * 4


@pytest.mark.parametrize(
    ("layer", "size", "working"),
    [
        (nn.MaxPool2d(3, 2, ceil_mode=True), 2, "(2 + 2·0 - 3)/2 + 1 = 1"),
        # Torch pads an even filter by one zero more at the end, which the formula does not know.
        (nn.Conv2d(1, 1, 4, padding="same"), 8, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_the_working_shown_is_that_of_the_output(layer, size, working):
    (row,) = take_inventory(layer, (1, size, size)).layers
    assert (row.working, row.output[1]) == (working, 1 if working else size)


@pytest.mark.each(
    ("name", "size"),
    [
        ("resnet18", 224),
        ("densenet121", 224),
        ("efficientnet_b0", 224),
        ("mobilenet_v3_small", 224),
        ("regnet_y_400mf", 224),
        ("convnext_tiny", 224),
        ("vit_b_32", 224),
        ("swin_t", 224),
        ("swin_v2_t", 256),
        ("maxvit_t", 224),
    ],
)
def test_totals_are_the_published_ones(name, size):
    published = torchvision.models.get_model_weights(name).DEFAULT.meta
    network = torchvision.models.get_model(name, weights=None)
    inventory = take_inventory(network, (3, size, size))
    assert inventory.parameters == published["num_params"]
    assert round(inventory.multiply_adds / 1e9, 3) == published["_ops"]


def test_resnet18_takes_1_81_billion_multiply_adds_and_sees_435_pixels():
    inventory = take_inventory(torchvision.models.resnet18(weights=None), (3, 224, 224))
    assert round(inventory.multiply_adds / 1e9, 2) == 1.81
    maps = [layer for layer in inventory.layers if layer.receptive_field != "image"]
    assert maps[-1].receptive_field == (435, 435)


def test_convolutions_take_the_time_and_dense_layers_the_memory_of_vgg():
    # The lectures' remark, by its most famous example.
    with torch.device("meta"):  # the values do not matter
        network = torchvision.models.vgg16(weights=None)
    inventory = take_inventory(network.to_empty(device="cpu"), (3, 224, 224))
    conv = [layer for layer in inventory.layers if layer.kind == "Conv2d"]
    dense = [layer for layer in inventory.layers if layer.kind == "Linear"]
    assert sum(layer.multiply_adds for layer in conv) / inventory.multiply_adds > 0.99
    assert sum(layer.parameters for layer in dense) / inventory.parameters > 0.89
    # Araujo et al. 2019 give a field of 212 pixels.
    fields = {layer.name: layer.receptive_field for layer in inventory.layers}
    assert fields["features.30"] == (212, 212) and fields["classifier.0"] == "image"


def test_every_convolution_follows_the_formula():
    network = build_classifier("googlenet", weights="none", image_size=64)
    shapes = {
        name.removeprefix("backbone.body."): module
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    }
    inventory = take_inventory(network, (1, 64, 64))
    rows = [layer for layer in inventory.layers if layer.kind == "Conv2d"]
    assert {row.name for row in rows} == set(shapes)
    for row in rows:
        conv = shapes[row.name]
        expected = convolution_multiply_adds(conv.in_channels, row.output, conv.kernel_size)
        assert row.multiply_adds == expected
        assert row.working.endswith(f"= {row.output[1]}")


@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "tiny_resnet", "widths": [4, 8]},
        {"backbone": "xray_cnn", "widths": [4], "readout": "flatten", "hidden": [3]},
        {"backbone": "timm:test_vit"},
        {"backbone": "mobilenet_v3_small"},
    ],
)
def test_every_parameter_is_counted_once_and_layers_know_their_stage(options):
    network = build_classifier(**options, weights="none", image_size=32)
    inventory = take_inventory(network, (1, 32, 32))
    assert inventory.parameters == sum(p.numel() for p in network.parameters())
    known = [name for name, _ in network.stages] + ["pool", "head"]
    order = [known.index(layer.stage) for layer in inventory.layers]
    assert order == sorted(order)
    assert inventory.layers[-1].stage == "head"


def test_medcnns_layers_cost_what_torchs_cost():
    found = []
    for layers in ("torch", "medcnn"):
        network = build_classifier(
            "xray_cnn", weights="none", image_size=32, widths=[4, 8], hidden=[5], layers=layers
        )
        inventory = take_inventory(network, (1, 32, 32))
        found.append(
            [
                (row.name, row.multiply_adds, row.parameters, row.receptive_field, row.working)
                for row in inventory.layers
            ]
        )
    assert found[0] == found[1]


def test_a_shared_layer_has_its_parameters_once_and_its_work_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)

        def forward(self, image):
            return self.conv(self.conv(image))

    (layer,) = take_inventory(Twice(), (1, 8, 8)).layers
    assert (layer.parameters, layer.multiply_adds) == (9, 2 * 9 * 64)


def test_layers_that_return_their_input_keep_no_memory():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten())
    inventory = take_inventory(network, (1, 8, 8))
    assert [layer.kind for layer in inventory.layers] == ["Conv2d"]
    assert inventory.activation_bytes == 2 * 6 * 6 * 4


def test_measuring_adds_times_and_leaves_the_mode_alone():
    network = build_classifier("tiny_resnet", weights="none", image_size=28, widths=[4])
    assert take_inventory(network, (1, 28, 28)).milliseconds is None
    network.train()
    inventory = take_inventory(network, (1, 28, 28), measure=True)
    assert inventory.milliseconds > 0
    assert all(layer.milliseconds is not None for layer in inventory.layers)
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_json_holds_the_totals():
    found = take_inventory(nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32)).to_json()
    assert found["image"] == [3, 32, 32]
    assert (found["parameters"], found["multiply_adds"]) == (760, 768_000)
    assert found["layers"][0]["kind"] == "Conv2d"
