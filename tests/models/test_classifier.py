import pytest
import torch
import torchvision

from medcnn.errors import ConfigError, MedcnnWarning, WeightsError
from medcnn.models import build_classifier
from medcnn.models.names import BACKBONES, FAMILIES, check_backbone
from medcnn.models.transfer import Full, LinearProbe


def test_every_name_is_torchvisions():
    assert set(BACKBONES) - set(FAMILIES["own"]) <= set(
        torchvision.models.list_models(module=torchvision.models)
    )


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'resnet18'"):
        check_backbone("resnte18")


@pytest.mark.parametrize(
    "name", ["resnet18", "densenet121", "efficientnet_b0", "convnext_tiny", "resnext50_32x4d"]
)
def test_each_family_takes_a_step(name):
    model = build_classifier(name, weights="none", image_size=64)
    logit = model(torch.rand(2, 1, 64, 64))
    assert logit.shape == (2,)
    logit.sum().backward()
    assert all(p.grad is not None for p in model.backbone.parameters())


def test_the_one_channel_stem_answers_like_rgb_with_equal_channels():
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(weights=None).eval()
    ours = build_classifier("resnet18", weights="none", stem="imagenet").backbone.eval()
    state = {key: value for key, value in theirs.state_dict().items() if not key.startswith("fc")}
    state["conv1.weight"] = state["conv1.weight"].sum(1, keepdim=True)
    ours.body.load_state_dict(state)
    theirs.fc = torch.nn.Identity()
    image = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(
        ours(image), theirs(image.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4
    )


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    return tmp_path / "checkpoints"


def _no_network(*arguments, **options):
    raise OSError("no network")


def test_imagenet_fails_clearly_and_auto_falls_back_with_a_warning(hub):
    with pytest.raises(WeightsError, match=r"cannot be had(.|\n)*model.weights=none"):
        build_classifier("resnet18", weights="imagenet")
    with pytest.warns(MedcnnWarning, match="starts from random weights"):
        model = build_classifier("resnet18", weights="auto")
    assert model.weights_origin.loaded == "random"
    assert model.weights_origin.warnings


def test_weights_in_torchs_cache_are_loaded_and_their_hash_is_checked(hub, monkeypatch):
    import hashlib
    from types import SimpleNamespace

    hub.mkdir()
    torch.manual_seed(1)
    state = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(state, hub / "w.pth")
    digest = hashlib.sha256((hub / "w.pth").read_bytes()).hexdigest()
    path = (hub / "w.pth").rename(hub / f"resnet18-{digest[:8]}.pth")
    entry = SimpleNamespace(DEFAULT=SimpleNamespace(url=f"https://example.org/{path.name}"))
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda _: entry)
    model = build_classifier("resnet18", weights="imagenet", stem="imagenet")
    assert model.weights_origin.sha256 == digest
    torch.testing.assert_close(
        model.backbone.body.conv1.weight, state["conv1.weight"].sum(1, keepdim=True)
    )
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="damaged"):
        build_classifier("resnet18", weights="imagenet")


def test_a_foreign_file_is_not_unpickled(tmp_path):
    import os
    import pickle

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(os.system))
    with pytest.raises(WeightsError, match="cannot be read"):
        build_classifier("resnet18", weights=str(path))
    with pytest.raises(WeightsError, match="no weights at"):
        build_classifier("resnet18", weights=str(tmp_path / "absent.pth"))


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


@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"stem": "tiny"}])
def test_bad_values_are_refused(options):
    with pytest.raises(ConfigError, match="cannot be"):
        build_classifier("resnet18", weights="none", **options)
