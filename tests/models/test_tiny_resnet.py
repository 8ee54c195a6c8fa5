import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.models import build_classifier
from medcnn.models.backbones import build_backbone


@pytest.mark.parametrize(
    ("size", "stem", "sizes"),
    [
        (28, "auto", [28, 28, 14, 7]),
        (64, "auto", [32, 32, 16, 8]),
        (64, "small", [64, 64, 32, 16]),
        (128, "auto", [32, 32, 16, 8]),
        (128, "small", [128, 128, 64, 32]),
        (28, "imagenet", [14, 14, 7, 4]),
    ],
)
def test_every_stage_but_the_first_halves_the_resolution(size, stem, sizes):
    backbone = build_backbone("tiny_resnet", image_size=size, stem=stem).eval()
    image = torch.rand(1, 1, size, size)
    assert [backbone.up_to(name, image).shape[-1] for name, _ in backbone.stages] == sizes


def test_the_number_of_parameters_is_that_of_its_layers():
    # Convolutions without bias, two numbers a channel of each norm.
    stem = 9 * 8 + 2 * 8
    same = 2 * (9 * 8 * 8 + 2 * 8)
    grown = 9 * 8 * 16 + 9 * 16 * 16 + 8 * 16 + 3 * 2 * 16
    second = 2 * (9 * 16 * 16 + 2 * 16)
    backbone = build_backbone("tiny_resnet", widths=[8, 16], blocks=2, image_size=64)
    assert sum(p.numel() for p in backbone.parameters()) == stem + 2 * same + grown + second


def test_a_block_starts_as_its_shortcut():
    torch.manual_seed(0)
    block = build_backbone("tiny_resnet", widths=[4]).eval().body.layer1[0]
    maps = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(block(maps), maps)


def test_a_narrow_shortcut_is_a_strided_convolution_and_may_be_trained_channels_last():
    torch.manual_seed(0)
    ours = build_backbone("tiny_resnet", widths=[4, 8]).body.layer2[0].shortcut[0]
    reference = torch.nn.Conv2d(4, 8, 1, 2, bias=False)
    reference.load_state_dict(ours.state_dict())
    # An odd size; torch's own convolution would end the process here if it were channels-last.
    maps = torch.randn(3, 4, 9, 9)
    mine, theirs = (maps.clone().requires_grad_() for _ in range(2))
    ours.to(memory_format=torch.channels_last)
    made = ours(mine.contiguous(memory_format=torch.channels_last))
    wanted = reference(theirs)
    torch.testing.assert_close(made, wanted)
    made.square().sum().backward()
    wanted.square().sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad)
    torch.testing.assert_close(ours.weight.grad, reference.weight.grad)


def test_it_overfits_eight_images_in_bf16_channels_last():
    torch.manual_seed(0)
    model = build_classifier(
        "tiny_resnet", weights="none", image_size=28, dropout=0.0, widths=[8, 16]
    )
    model.to(memory_format=torch.channels_last)
    image = torch.randn(8, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    label = torch.tensor([0.0, 1.0] * 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        with torch.autocast("cpu", torch.bfloat16):
            logit = model(image)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit.float(), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


@pytest.mark.parametrize("options", [{"widths": []}, {"widths": [8, 0]}, {"blocks": 0}])
def test_sizes_that_make_no_network_are_refused(options):
    with pytest.raises(ConfigError, match="tiny_resnet cannot be built"):
        build_backbone("tiny_resnet", **options)
