import hashlib
import os
import pickle

import pytest
import torch
import torchvision
from torch import nn

from medcnn.cli import run
from medcnn.errors import MedcnnWarning, WeightsError
from medcnn.models import build_classifier
from medcnn.models.weights import (
    WeightsOrigin,
    fetch,
    imagenet_state,
    load_matching,
    read_state,
    sha256_of,
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Torch's hub folder, empty, on a machine without a network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def _no_network(*arguments, **options):
    raise OSError("no network")


@pytest.fixture
def cached(hub, monkeypatch):
    """A ResNet-18 in torch's cache, under a name that ends in its own hash."""
    torch.manual_seed(1)
    state = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(state, hub / "w.pth")
    digest = hashlib.sha256((hub / "w.pth").read_bytes()).hexdigest()
    path = (hub / "w.pth").rename(hub / f"resnet18-{digest[:8]}.pth")
    entry = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    renamed = type("Entry", (), {"url": f"{entry.url.rpartition('/')[0]}/{path.name}"})
    family = type("Family", (), {"DEFAULT": renamed})
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda _: family)
    return path, state, digest


def test_weights_in_torchs_cache_are_loaded_and_the_origin_says_so(cached):
    path, state, digest = cached
    model = build_classifier("resnet18", weights="imagenet", stem="imagenet")
    origin = model.weights_origin
    assert origin == WeightsOrigin("imagenet", "imagenet", str(path), digest)
    assert origin.to_json()["missing"] == []
    torch.testing.assert_close(
        model.backbone.body.conv1.weight, state["conv1.weight"].sum(1, keepdim=True)
    )
    torch.testing.assert_close(
        model.backbone.body.layer4[1].bn2.weight, state["layer4.1.bn2.weight"]
    )


def test_a_stem_that_was_replaced_is_reported(cached):
    origin = build_classifier("resnet18", weights="auto", image_size=28).weights_origin
    assert origin.missing == origin.unexpected == ("conv1.weight",)
    assert len(origin.warnings) == 2 and "conv1.weight" in origin.warnings[0]


def test_a_damaged_file_is_refused(cached):
    path, _, _ = cached
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError, match=r"damaged(.|\n)*delete the file"):
        build_classifier("resnet18", weights="imagenet")


def test_torchs_own_names_carry_the_hash(hub):
    # The published file is not to be had here; what is asked for has to be its name.
    with pytest.raises(WeightsError, match=r"resnet18-f37072fd.pth in .*hub/checkpoints"):
        imagenet_state("resnet18")


def test_imagenet_fails_clearly_offline_and_auto_falls_back_with_a_warning(hub):
    with pytest.raises(WeightsError, match=r"cannot be had(.|\n)*model.weights=none"):
        build_classifier("resnet18", weights="imagenet")
    with pytest.warns(MedcnnWarning, match="starts from random weights"):
        model = build_classifier("resnet18", weights="auto")
    assert model.weights_origin.loaded == "random"
    assert "no network" in model.weights_origin.warnings[0]


def test_a_file_is_fetched_once_and_checked(tmp_path):
    source = tmp_path / "published.pth"
    torch.save({"w": torch.ones(1)}, source)
    good = tmp_path / f"net-{sha256_of(source)[:8]}.pth"
    fetch(source.as_uri(), good, "net")
    assert good.read_bytes() == source.read_bytes()
    source.unlink()
    fetch(source.as_uri(), good, "net")
    with pytest.raises(WeightsError, match="The weights of net cannot be had"):
        fetch(source.as_uri(), tmp_path / "other.pth", "net")
    wrong = good.rename(tmp_path / "net-00000000.pth")
    with pytest.raises(WeightsError, match="SHA-256 that begins with 00000000"):
        fetch(source.as_uri(), wrong, "net")


def test_a_file_of_ones_own_is_loaded_with_its_hash(tmp_path):
    torch.manual_seed(2)
    options = {"backbone": "tiny_resnet", "widths": [4], "image_size": 28}
    body = build_classifier(**options, weights="none").backbone.body
    path = tmp_path / "mine.pth"
    torch.save(body.state_dict(), path)
    model = build_classifier(**options, weights=str(path))
    assert model.weights_origin.loaded == "file"
    assert model.weights_origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    torch.testing.assert_close(model.backbone.body.state_dict(), body.state_dict())


def test_a_file_of_ones_own_is_what_its_name_says(tmp_path):
    options = {"backbone": "tiny_resnet", "widths": [4], "image_size": 28}
    path = tmp_path / "mine.pth"
    torch.save(build_classifier(**options, weights="none").backbone.body.state_dict(), path)
    for name in (f"mine-{sha256_of(path)[:8]}.pth", "mine-20240131.pth", "mine-202401311200.pth"):
        path = path.rename(tmp_path / name)
        assert build_classifier(**options, weights=str(path)).weights_origin.loaded == "file"
    path = path.rename(tmp_path / "mine-20249931.pth")
    with pytest.raises(WeightsError, match=r"damaged(.|\n)*rename it if it is your own"):
        build_classifier(**options, weights=str(path))


def test_a_run_directory_gives_its_best_backbone(tmp_path):
    torch.manual_seed(3)
    options = {"backbone": "tiny_resnet", "widths": [4], "image_size": 28}
    trained = build_classifier(**options, weights="none")
    (tmp_path / "checkpoints").mkdir()
    state = {f"network.{key}": value for key, value in trained.state_dict().items()}
    torch.save(
        {"state_dict": {**state, "temperature": torch.tensor(1.5)}, "epoch": 3},
        tmp_path / "checkpoints" / "best.ckpt",
    )
    model = build_classifier(**options, weights=str(tmp_path))
    assert not model.weights_origin.missing
    torch.testing.assert_close(model.backbone.state_dict(), trained.backbone.state_dict())


def test_an_ensemble_is_sent_to_its_members(tmp_path):
    for number in range(2):
        (tmp_path / "members" / str(number)).mkdir(parents=True)
        (tmp_path / "members" / str(number) / "config.yaml").touch()
    with pytest.raises(WeightsError, match=r"several members(.|\n)*members/0"):
        build_classifier("tiny_resnet", widths=[4], image_size=28, weights=str(tmp_path))


class Exploit:
    def __reduce__(self):
        return os.system, ("touch exploited",)


def test_a_foreign_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Exploit()}, tmp_path / "evil.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Exploit(), protocol=2))
    for name in ("evil.pth", "raw.pth"):
        refusal = r"cannot be read(.|\n)*an object of \w+.system(.|\n)*does not unpickle code"
        with pytest.raises(WeightsError, match=refusal):
            build_classifier("resnet18", weights=name)
    assert not (tmp_path / "exploited").exists()


def test_a_pickled_module_is_read_only_from_the_classes_named(tmp_path):
    path = tmp_path / "module.pt"
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    torch.save(module, path)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state(path)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state(path, classes=[nn.Sequential, nn.Linear])
    state = read_state(path, classes=[nn.Sequential, nn.Linear, nn.ReLU])
    torch.testing.assert_close(state, dict(module.state_dict()))
    assert nn.Linear not in torch.serialization.get_safe_globals()


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"\x80\x02"])
def test_what_is_no_weights_file_is_refused(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state(path)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"state_dict": {}}])
def test_a_file_without_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"cannot be read(.|\n)*without a tensor"):
        read_state(tmp_path / "w.pth")


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({"w": torch.ones(3000)}, path)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(WeightsError, match=r"cannot be read(.|\n)*Error: "):
        read_state(path)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at(.|\n)*model.weights"):
        read_state(tmp_path / "absent.pth")


def test_weights_of_another_network_are_refused():
    network = nn.Linear(2, 3)
    with pytest.raises(WeightsError, match=r"tensors in x.pth are those of another network"):
        load_matching(network, {"conv.weight": torch.ones(1)}, WeightsOrigin("x", "file", "x.pth"))


def test_a_few_tensors_of_the_same_name_do_not_make_it_the_same_network(tmp_path):
    path = tmp_path / "tiny.pth"
    tiny = build_classifier("tiny_resnet", weights="none", image_size=32)
    torch.save(tiny.backbone.body.state_dict(), path)
    with pytest.raises(WeightsError, match=r"another network(.|\n)*of which [1-9]\d* fit"):
        build_classifier("resnet18", weights=str(path), image_size=32)


def test_partly_fitting_weights_are_loaded_and_both_sides_reported():
    network = nn.Linear(2, 3)
    state = {"weight": torch.ones(3, 2), "bias": torch.ones(4), "other": torch.ones(1)}
    origin = load_matching(network, state, WeightsOrigin("x", "file", "x.pth"))
    assert origin.missing == ("bias",) and origin.unexpected == ("bias", "other")
    assert torch.equal(network.weight, torch.ones(3, 2))


def test_a_command_says_what_is_wrong_with_the_weights_and_nothing_else(
    easy_data, tmp_path, capsys
):
    path = tmp_path / "w.pth"
    path.write_bytes(b"not a weights file")
    arguments = [*easy_data, f"model.weights={path}", f"run_dir={tmp_path / 'run'}"]
    assert run("train", arguments) == 2
    said = capsys.readouterr().err
    assert f"medcnn: The weights {path} cannot be read." in said
    assert "Error executing job" not in said
    assert "does not fit together" not in said
