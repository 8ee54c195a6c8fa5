import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.models import build_classifier, rebuild
from medcnn.models.settings import Model
from medcnn.models.transfer import Full, LinearProbe

TINY = {"backbone": "tiny_resnet", "widths": [4, 8], "image_size": 28}


def test_the_logit_is_the_head_of_the_features():
    torch.manual_seed(0)
    model = build_classifier(**TINY, weights="none").eval()
    image = torch.rand(3, 1, 28, 28)
    features = model.features(image)
    assert features.shape == (3, 8)
    by_hand = features @ model.linear.weight[0] + model.linear.bias
    torch.testing.assert_close(model(image), by_hand)
    torch.testing.assert_close(model.head(features), by_hand)
    assert [name for name, _ in model.stages] == ["stem", "layer1", "layer2"]


def test_dropout_acts_on_the_features_in_training_only():
    torch.manual_seed(0)
    model = build_classifier(**TINY, weights="none", dropout=0.5)
    features = torch.ones(1, 8)
    assert len({model.head(features).item() for _ in range(20)}) > 1
    model.eval()
    assert len({model.head(features).item() for _ in range(20)}) == 1


def test_a_run_is_rebuilt_from_its_configuration_alone():
    torch.manual_seed(0)
    settings = {**TINY, "weights": "imagenet"}
    model = build_classifier(**TINY, weights="none", init="he")
    other = rebuild(Model("medcnn.models.build_classifier", {**settings, "init": "he"}))
    assert other.weights_origin.loaded == "random"
    other.load_state_dict(model.state_dict())
    image = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(other.eval()(image), model.eval()(image))


def test_a_configuration_calls_no_foreign_code():
    with pytest.raises(ConfigError, match=r"'os.system' is not one that medcnn rebuilds"):
        rebuild(Model("os.system", {"command": "true"}))


@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"dropout": -0.1}, {"stem": "tiny"}])
def test_bad_values_are_refused(options):
    with pytest.raises(ConfigError, match="cannot be"):
        build_classifier("resnet18", weights="none", **options)


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(ConfigError, match=r"model.init\) named 'random'"):
        build_classifier(**TINY, weights="none", init="random")


def test_a_frozen_backbone_keeps_every_parameter_and_buffer():
    model = build_classifier("resnet18", weights="none", image_size=32)
    policy = LinearProbe()
    policy.setup(model, 10, model.weights_origin)
    groups = policy.parameter_groups(model, 0.1, 0.0)
    optimizer = torch.optim.SGD(groups, lr=0.1)
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    head = model.linear.weight.clone()
    for _ in range(2):
        model.train()
        policy.keep_frozen(model)
        optimizer.zero_grad()
        model(torch.rand(4, 1, 32, 32)).square().sum().backward()
        optimizer.step()
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not torch.equal(model.linear.weight, head)


def test_norms_and_biases_are_exempt_from_decay():
    model = build_classifier("resnet18", weights="none")
    with_decay, without = Full().parameter_groups(model, 0.1, 0.5)
    assert (with_decay["weight_decay"], without["weight_decay"]) == (0.5, 0.0)
    assert all(parameter.ndim > 1 for parameter in with_decay["params"])
    assert sum(len(group["params"]) for group in (with_decay, without)) == len(
        list(model.parameters())
    )
