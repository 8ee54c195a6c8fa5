import numpy as np
import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.models.classifier import build_classifier
from medcnn.models.freezing import frozen_prefix
from medcnn.models.settings import Transfer
from medcnn.models.transfer import (
    Auto,
    Full,
    GradualUnfreeze,
    LastK,
    LastStage,
    LayerwiseDecay,
    LinearProbe,
    choose,
)
from medcnn.models.weights import WeightsOrigin
from medcnn.settings.reading import read

RANDOM = WeightsOrigin("none", "random")
CHEST = WeightsOrigin("x", "chest")


def network(name="tiny_resnet", size=32):
    torch.manual_seed(0)
    return build_classifier(name, weights="none", image_size=size, dropout=0.5)


def training_steps(model, policy, steps=3, lr=0.1):
    """Train as the task does: policy, train(), frozen parts back to evaluation, steps."""
    optimizer = torch.optim.SGD(policy.parameter_groups(model, lr, 0.1), lr=lr, momentum=0.9)
    model.train()
    policy.keep_frozen(model)
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        image = torch.randn(4, 1, 32, 32, generator=generator)
        loss = torch.nn.functional.softplus(-model(image)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return optimizer


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def snapshot(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    "name", ["tiny_resnet", "densenet121", "mobilenet_v3_small", "convnext_tiny"]
)
def test_every_parameter_and_buffer_of_a_frozen_backbone_stays_to_the_bit(name):
    model, policy = network(name), LinearProbe()
    policy.setup(model, 100, CHEST)
    before = snapshot(model)
    training_steps(model, policy)
    assert changed(before, snapshot(model)) == {"linear.weight", "linear.bias"}


def test_only_the_last_stages_and_their_batch_norm_statistics_change():
    model, policy = network(), LastK(1)
    policy.setup(model, 100, CHEST)
    last = model.stages[-1][0]
    free = {id(p) for p in model.stages[-1][1].parameters()} | {
        id(b) for b in model.stages[-1][1].buffers()
    }
    names = {
        name
        for name, value in [*model.named_parameters(), *model.named_buffers()]
        if id(value) in free or name.startswith("linear.")
    }
    before = snapshot(model)
    training_steps(model, policy)
    moved = changed(before, snapshot(model))
    assert moved <= names
    assert any(name.endswith("running_mean") for name in moved), last


def test_dropout_inside_a_frozen_stage_is_off():
    model, policy = network("efficientnet_b0"), LinearProbe()
    policy.setup(model, 100, CHEST)
    model.train()
    policy.keep_frozen(model)
    image = torch.randn(4, 1, 32, 32)
    assert torch.equal(model.features(image), model.features(image))
    assert model.dropout.training, "the head's dropout is on"


def test_frozen_parameters_are_not_in_the_optimiser():
    model, policy = network(), LastStage()
    policy.setup(model, 100, CHEST)
    inside = {id(p) for g in policy.parameter_groups(model, 0.1, 0.1) for p in g["params"]}
    assert inside == {id(p) for p in model.parameters() if p.requires_grad}
    assert len(inside) < len(list(model.parameters()))


def test_gradual_unfreezing_lets_one_stage_join_at_a_time():
    model, policy = network(), GradualUnfreeze(every=1)
    policy.setup(model, 100, CHEST)
    names = [name for name, _ in model.stages]
    assert frozen_prefix(model.backbone) == names
    assert policy.on_epoch(model, 1)
    assert frozen_prefix(model.backbone) == names[:-1]
    inside = [id(p) for g in policy.parameter_groups(model, 0.1, 0.1) for p in g["params"]]
    assert len(inside) == len(set(inside))
    assert set(inside) == {id(p) for p in model.parameters() if p.requires_grad}
    assert not policy.on_epoch(model, 1), "the same epoch changes nothing"


def test_frozen_buffers_stay_also_after_a_later_stage_was_unfrozen():
    model, policy = network(), GradualUnfreeze(every=2)
    policy.setup(model, 100, CHEST)
    policy.on_epoch(model, 2)
    still = frozen_prefix(model.backbone)
    watched = {
        f"{name}.{key}": value.clone()
        for name in still
        for key, value in dict(model.stages)[name].state_dict().items()
    }
    training_steps(model, policy)
    after = {
        f"{name}.{key}": value
        for name in still
        for key, value in dict(model.stages)[name].state_dict().items()
    }
    assert changed(watched, after) == set()


def test_layerwise_decay_gives_each_stage_its_rate():
    model, policy = network(), LayerwiseDecay(decay=0.5)
    policy.setup(model, 100, CHEST)
    rate = {id(p): g["lr"] for g in policy.parameter_groups(model, 1.0, 0.1) for p in g["params"]}
    n = len(model.stages)
    assert rate[id(model.linear.weight)] == 1.0
    for place, (_, module) in enumerate(model.stages):
        for parameter in module.parameters():
            assert rate[id(parameter)] == pytest.approx(0.5 ** (n - place))


@pytest.mark.parametrize(
    ("n_train", "loaded", "expected"),
    [
        (100, "chest", LinearProbe),
        (100, "imagenet", LastStage),
        (50_000, "file", LastK),
        (50_000, "imagenet", LayerwiseDecay),
        (50_000, "random", Full),
    ],
)
def test_auto_follows_the_quadrants(n_train, loaded, expected):
    policy, reason = choose(network(), n_train, loaded)
    assert type(policy) is expected
    assert reason


def test_auto_trains_what_it_chose_and_says_why():
    model, policy = network(), Auto()
    text = policy.setup(model, 100, CHEST)
    assert "100 images are very little data" in text
    assert frozen_prefix(model.backbone) == [name for name, _ in model.stages]
    assert not policy.on_epoch(model, 3)


@pytest.mark.parametrize("given", [{"k": -1}, {"k": True}, {"every": 0}, {"decay": 0.0}])
def test_bad_values_are_refused(given):
    with pytest.raises(ConfigError, match=rf"transfer\.{next(iter(given))} cannot be"):
        read(Transfer, given, prefix="transfer.")


def test_more_stages_than_there_are_are_refused():
    with pytest.raises(ConfigError, match="stages, not 99"):
        LastK(99).setup(network(), 5, RANDOM)


@pytest.mark.parametrize("name", ["tiny_resnet", "vit_b_16", "swin_t"])
def test_a_probe_of_a_stage_reads_its_pooled_maps(name):
    model, policy = network(name), LinearProbe(stage="layer1" if name == "tiny_resnet" else None)
    stage = policy.stage or model.stages[1][0]
    policy = LinearProbe(stage=stage)
    image = torch.randn(2, 1, 32, 32)
    model.eval()
    maps = model.backbone.as_map(model.backbone.up_to(stage, image))
    policy.setup(model, 100, CHEST)
    assert torch.allclose(model.features(image), maps.mean((2, 3)), atol=1e-6)
    assert model.linear.in_features == maps.shape[1]
    assert [name for name, _ in model.stages][-1] == stage
    assert model(image).shape == (2,)


def test_a_probe_of_an_unknown_stage_names_those_there_are():
    with pytest.raises(ConfigError, match="stage of tiny_resnet"):
        LinearProbe(stage="layer9").setup(network(), 5, CHEST)


def test_full_trains_everything():
    model, policy = network(), Full()
    assert "from random weights" in policy.setup(model, 7, RANDOM)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert np.isclose(policy.parameter_groups(model, 0.1, 0.0)[0]["lr"], 0.1)
