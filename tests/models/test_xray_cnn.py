import pytest
import torch
from torch import nn

from medcnn.models import build_classifier
from medcnn.models.backbones import build_backbone


def _train(layers, steps=6, **options):
    torch.manual_seed(3)
    model = build_classifier(
        "xray_cnn", weights="none", image_size=16, layers=layers, widths=[8, 16], **options
    )
    image, label = torch.randn(12, 1, 16, 16), (torch.rand(12) > 0.5).float()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        loss = nn.functional.binary_cross_entropy_with_logits(model(image), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, torch.tensor(losses)


@pytest.mark.parametrize(
    "options",
    [
        {"block_dropout": 0.2, "hidden": [8], "hidden_dropout": 0.5},
        {
            "norm": "group",
            "norm_place": "after",
            "activation": "elu",
            "pooling": "average",
            "readout": "max",
            "depth": 2,
        },
        {
            "norm": "instance",
            "pooling": "fractional",
            "readout": "flatten",
            "activation": "prelu",
            "dropout_kind": "drop_block2d",
            "block_dropout": 0.1,
            "filters": ["identity", "sobel_vertical"],
        },
    ],
)
def test_torchs_and_medcnns_layers_give_one_loss_curve(options):
    theirs, curve = _train("torch", **options)
    ours, same = _train("medcnn", **options)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    assert (
        type(
            theirs.backbone.body.layer1.conv1
            if options.get("depth") == 2
            else theirs.backbone.body.layer1.conv
        )
        is nn.Conv2d
    )
    assert any(type(m).__module__.startswith("medcnn.layers") for m in ours.modules())
    torch.testing.assert_close(same, curve, rtol=2e-4, atol=2e-5)
    assert len(curve.unique()) == len(curve)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["conv", "norm", "activation", "pool"]),
        ({"norm_place": "after"}, ["conv", "activation", "norm", "pool"]),
        ({"norm": "none", "pooling": "none"}, ["conv", "activation"]),
        (
            {"depth": 2, "block_dropout": 0.1},
            ["conv1", "norm1", "activation1", "conv2", "norm2", "activation2", "pool", "dropout"],
        ),
    ],
)
def test_a_block_is_conv_norm_activation_pool_in_the_chosen_order(options, expected):
    block = build_backbone("xray_cnn", widths=[4], **options).body.layer1
    assert [name for name, _ in block.named_children()] == expected


@pytest.mark.parametrize(
    ("norm", "place", "bias"),
    [("batch", "before", False), ("batch", "after", True), ("none", "before", True)],
)
def test_a_convolution_has_a_bias_unless_a_norm_takes_it_away(norm, place, bias):
    block = build_backbone("xray_cnn", widths=[4], norm=norm, norm_place=place).body.layer1
    assert (block.conv.bias is not None) is bias


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({"widths": [4, 6]}, 6),
        ({"widths": [4, 6], "readout": "flatten"}, 6 * 7 * 7),
        ({"widths": [4], "kernel": 5, "stride": 2, "padding": 2, "readout": "flatten"}, 4 * 7 * 7),
        ({"widths": [4, 4], "kernel": [5, 3], "padding": [0, 1], "readout": "flatten"}, 4 * 6 * 6),
        ({"widths": [4], "hidden": [10, 5]}, 5),
        ({"widths": [4], "pooling": "fractional", "readout": "flatten"}, 4 * 19 * 19),
    ],
)
def test_sizes_follow_the_formula(options, features):
    backbone = build_backbone("xray_cnn", image_size=28, **options).eval()
    assert backbone.feature_dim == features
    assert backbone(torch.rand(2, 1, 28, 28)).shape == (2, features)


def test_layer_norm_is_one_group_and_groups_divide_the_width():
    layer = build_backbone("xray_cnn", widths=[12], norm="layer").body.layer1.norm
    group = build_backbone("xray_cnn", widths=[12], norm="group").body.layer1.norm
    assert (layer.num_groups, group.num_groups) == (1, 6)


def test_filters_are_a_stem_that_does_not_train():
    backbone = build_backbone("xray_cnn", widths=[4], filters=["identity", "laplacian"])
    name, stem = backbone.stages[0]
    assert name == "stem" and not list(stem.parameters())
    assert stem(torch.rand(1, 1, 8, 8)).shape == (1, 2, 8, 8)
