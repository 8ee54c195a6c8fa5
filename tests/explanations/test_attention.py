import pytest
import torch
import torchvision
from torch import nn

from medcnn.errors import ConfigError
from medcnn.explanations.attention import _attention, attention_rollout, roll_out
from medcnn.models.backbones import build_backbone
from medcnn.models.stages import Backbone, chain
from medcnn.models.torchvision_backbones import ClassToken, PatchTokens


def small_vit():
    torch.manual_seed(0)
    body = torchvision.models.VisionTransformer(
        image_size=24, patch_size=8, num_layers=3, num_heads=2, hidden_dim=8, mlp_dim=16
    )
    body.conv_proj = nn.Conv2d(1, 8, 8, 8)
    nn.init.normal_(body.class_token)
    blocks = [(f"layer{n}", block) for n, block in enumerate(body.encoder.layers, 1)]
    pool = chain(norm=body.encoder.ln, token=ClassToken())
    stages = [("stem", PatchTokens(body)), *blocks]
    return Backbone(
        "vit", body, stages=stages, pool=pool, feature_dim=8, layout="NTC", prefix_tokens=1
    ).eval()


def test_roll_out_of_hand_made_attention():
    # Two tokens. Layer 1: token 0 looks at token 1 alone; layer 2: it looks at itself alone.
    first = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    second = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    # By hand: (A1 + I)/2 = [[.5, .5], [0, 1]], (A2 + I)/2 = [[1, 0], [.25, .75]], and the product.
    expected = torch.tensor([[[0.5, 0.5], [0.125, 0.875]]])
    torch.testing.assert_close(roll_out([first, second]), expected)


def test_rows_keep_summing_to_one():
    layers = [torch.rand(2, 5, 5).softmax(-1) for _ in range(6)]
    torch.testing.assert_close(roll_out(layers).sum(-1), torch.ones(2, 5))


def test_torchvisions_attention_is_that_of_its_equation():
    backbone = small_vit()
    image = torch.rand(2, 1, 24, 24)
    found = _attention(backbone, image)
    assert len(found) == 3
    block = backbone.body.encoder.layers[0]
    with torch.no_grad():
        tokens = block.ln_1(backbone.up_to("stem", image))
        weight, bias = block.self_attention.in_proj_weight, block.self_attention.in_proj_bias
        query, key = (tokens @ weight.T + bias).split(8, -1)[:2]
        heads = [
            (query[..., part] @ key[..., part].transpose(1, 2) / 4**0.5).softmax(-1)
            for part in (slice(0, 4), slice(4, 8))
        ]
    torch.testing.assert_close(found[0], sum(heads) / 2)


def test_timms_attention_is_what_its_own_unfused_path_multiplies():
    torch.manual_seed(0)
    backbone = build_backbone("timm:test_vit", image_size=32).eval()
    image = torch.rand(1, 1, 32, 32)
    seen = []
    modules = [m for m in backbone.body.modules() if hasattr(m, "attn_drop") and hasattr(m, "qkv")]
    for module in modules:
        module.fused_attn = False
        module.attn_drop.register_forward_hook(
            lambda _module, inputs, _output: seen.append(inputs[0].mean(1))
        )
    found = _attention(backbone, image)
    assert len(found) == len(seen) == len(modules) > 1
    for ours, theirs in zip(found, seen, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_patch_that_the_class_token_alone_looks_at_is_where_the_roll_out_points():
    backbone = small_vit()
    image = torch.rand(1, 1, 24, 24)
    with torch.no_grad():
        for block in backbone.body.encoder.layers:
            block.self_attention.in_proj_weight.zero_()
            block.self_attention.in_proj_bias.zero_()
    even = attention_rollout(backbone, image)
    assert even.shape == (1, 3, 3)
    torch.testing.assert_close(even, even[0, 0, 0].expand(1, 3, 3))
    block = backbone.body.encoder.layers[0]
    with torch.no_grad():
        tokens = block.ln_1(backbone.up_to("stem", image))[0]
        # Query: constant; key: the direction in which patch 5 differs from the mean.
        aim = torch.linalg.pinv(tokens) @ torch.eye(10)[6]
        block.self_attention.in_proj_weight[8:12] = 50 * aim.expand(4, -1)
        block.self_attention.in_proj_bias[:4] = 1.0
    assert int(attention_rollout(backbone, image).argmax()) == int((tokens @ aim)[1:].argmax())


@pytest.mark.parametrize("name", ["timm:test_vit", "timm:test_vit4"])
def test_timms_transformers_are_rolled_out_with_class_token_or_without(name):
    backbone = build_backbone(name, image_size=64).eval()
    places = attention_rollout(backbone, torch.rand(2, 1, 64, 64))
    assert places.shape == (2, 4, 4) and (places > 0).all()
    assert (places.sum((1, 2)) < 1 + 1e-5).all()


@pytest.mark.parametrize("name", ["tiny_resnet", "timm:test_maxvit"])
def test_a_network_without_attention_over_the_whole_image_is_refused(name):
    backbone = build_backbone(name, image_size=64).eval()
    with pytest.raises(ConfigError, match="no attention from every place to every other"):
        attention_rollout(backbone, torch.rand(1, 1, 64, 64))
