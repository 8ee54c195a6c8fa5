import copy

import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.models.backbones import build_backbone
from medcnn.models.stages import Backbone, GlobalAverage, chain, map_shape, stage_parameters


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    return build_backbone("tiny_resnet", image_size=28, widths=[4, 8]).eval()


@pytest.fixture
def image():
    return torch.rand(2, 1, 28, 28)


def test_the_chain_is_the_forward_pass_and_can_be_cut_anywhere(backbone, image):
    whole = backbone(image)
    hidden = image
    for name, stage in backbone.stages:
        hidden = stage(hidden)
        torch.testing.assert_close(backbone.up_to(name, image), hidden)
        torch.testing.assert_close(backbone.from_stage(hidden, after=name), whole)
    torch.testing.assert_close(backbone.pool(hidden), whole)


def test_views_share_parameters_and_leave_no_key_of_their_own(backbone):
    keys = list(backbone.state_dict())
    assert keys and all(key.startswith("body.") for key in keys)
    shared = {id(p) for ps in stage_parameters(backbone).values() for p in ps}
    assert shared == {id(p) for p in backbone.parameters()}


def test_a_copy_is_a_network_of_its_own(backbone, image):
    other = copy.deepcopy(backbone)
    before = backbone(image)
    with torch.no_grad():
        for parameters in stage_parameters(other).values():
            for parameter in parameters:
                parameter.add_(1.0)
    torch.testing.assert_close(backbone(image), before)
    assert not torch.allclose(other(image), before)


def test_a_hook_on_a_stage_fires(backbone, image):
    seen = []
    dict(backbone.stages)["layer1"].register_forward_hook(lambda *_: seen.append(1))
    backbone(image)
    assert seen == [1]


def test_moving_and_casting_reach_the_stages(backbone, image):
    backbone.double()
    assert backbone(image.double()).dtype is torch.float64
    stem = dict(backbone.stages)["stem"]
    assert all(p.dtype is torch.float64 for p in stem.parameters())


def test_training_mode_reaches_the_stages(backbone):
    backbone.train()
    assert all(m.training for _, stage in backbone.stages for m in stage.modules())


def test_an_unknown_stage_is_refused_with_the_nearest(backbone, image):
    with pytest.raises(ConfigError, match="did you mean 'layer2'"):
        backbone.up_to("layr2", image)


def test_the_chain_exports(backbone, image):
    exported = torch.export.export(backbone, (image,))
    torch.testing.assert_close(exported.module()(image), backbone(image))


@pytest.mark.parametrize("name", ["tiny_resnet", "timm:test_vit"])
def test_the_chain_compiles_whole_and_takes_other_parameters(name):
    if name.startswith("timm:"):
        pytest.importorskip("timm")
    backbone = build_backbone(name, image_size=32).eval()
    image = torch.rand(2, 1, 32, 32)
    compiled = torch.compile(backbone, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(image), backbone(image))
    zeros = {key: torch.zeros_like(value) for key, value in backbone.named_parameters()}
    assert not torch.func.functional_call(backbone, zeros, (image,)).any()


def _of(layout, prefix_tokens=0):
    return Backbone(
        "fake",
        nn.Identity(),
        stages=[("stem", nn.Identity())],
        pool=nn.Identity(),
        feature_dim=3,
        layout=layout,
        prefix_tokens=prefix_tokens,
    )


def test_every_layout_becomes_a_map():
    maps = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    assert torch.equal(_of("NCHW").as_map(maps), maps)
    assert torch.equal(_of("NHWC").as_map(maps.permute(0, 2, 3, 1)), maps)
    tokens = maps.flatten(2).transpose(1, 2)
    with_class = torch.cat([torch.zeros(2, 1, 3), tokens], 1)
    assert torch.equal(_of("NTC", 1).as_map(with_class), maps)


def test_maps_before_the_tokens_and_tokens_beside_the_places_are_told_apart():
    tokens = _of("NTC")
    maps = torch.rand(2, 5, 4, 4)
    assert torch.equal(tokens.as_map(maps), maps)  # as EfficientFormer makes them
    assert torch.equal(tokens.as_map(maps.movedim(1, -1)), maps)  # as VOLO does
    row = torch.cat([torch.full((2, 1, 5), 9.0), maps.flatten(2).mT], dim=1)
    assert torch.equal(tokens.as_map(row), maps)  # VOLO's class token comes on the way


def test_a_chain_keeps_order_and_global_average_is_the_mean():
    stage = chain(linear=nn.Linear(2, 2), relu=nn.ReLU())
    assert [name for name, _ in stage.named_children()] == ["linear", "relu"]
    maps = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(GlobalAverage()(maps), maps.mean((2, 3)))


def test_the_shape_of_a_stages_maps_is_found_without_touching_the_network(backbone, image):
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.train()
    for stage, _ in backbone.stages:
        expected = tuple(backbone.up_to(stage, image).shape[1:])
        backbone.load_state_dict(before)
        assert map_shape(backbone, stage, image.shape[-1]) == expected
        assert backbone.training
        torch.testing.assert_close(backbone.state_dict(), before, rtol=0, atol=0)
