import pytest
import torch
from torch import nn

from medcnn.models.classifier import build_classifier
from medcnn.models.freezing import decay_groups, freeze_in_place, freeze_up_to, frozen_prefix


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build_classifier("tiny_resnet", weights="none", image_size=28, widths=[4, 8])


def test_only_the_named_stages_and_the_head_train(model):
    freeze_up_to(model, ["layer2"])
    training = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name.split(".")[2] for name in training if name.startswith("backbone")} == {"layer2"}
    assert {"linear.weight", "linear.bias"} < training
    freeze_up_to(model, [name for name, _ in model.stages])
    assert all(p.requires_grad for p in model.parameters())


def test_the_frozen_prefix_ends_where_training_begins(model):
    assert frozen_prefix(model.backbone) == []
    freeze_up_to(model, ["layer1"])
    assert frozen_prefix(model.backbone) == ["stem"], "layer2 is frozen behind a stage that trains"
    freeze_up_to(model, [])
    assert frozen_prefix(model.backbone) == ["stem", "layer1", "layer2"]


def test_frozen_stages_are_in_evaluation_and_the_others_train(model):
    freeze_up_to(model, ["layer2"])
    model.train()
    freeze_in_place(model)
    norms = {
        name.split(".")[2]: module.training
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    assert norms == {"stem": False, "layer1": False, "layer2": True}
    assert model.dropout.training


def test_biases_and_norms_are_exempt_from_decay(model):
    groups = decay_groups(model, 0.1, 0.3)
    assert {group["weight_decay"] for group in groups} == {0.0, 0.3}
    for group in groups:
        assert all((p.ndim > 1) == (group["weight_decay"] == 0.3) for p in group["params"])


def test_every_parameter_that_trains_has_the_rate_of_its_stage(model):
    freeze_up_to(model, ["layer1", "layer2"])
    groups = decay_groups(model, 0.1, 0.0, factors={"stem": 7.0, "layer1": 0.5})
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    expected = {"layer1": 0.05, "layer2": 0.1}
    for name, parameter in model.named_parameters():
        stage = name.split(".")[2] if name.startswith("backbone") else "layer2"
        assert rates.get(id(parameter)) == expected.get(stage)
