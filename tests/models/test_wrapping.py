"""Two dozen ways in which people leave the weights of a network, each read as the same one."""

import pytest
import torch
from safetensors.torch import save_file

from medcnn.errors import WeightsError
from medcnn.models import build_classifier
from medcnn.models.wrapping import contained, without_prefixes


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(3)
    body = network("none").backbone.body.state_dict()
    # A classifier of one's own, as torchvision calls it.
    return {**body, "fc.weight": torch.zeros(2, 8), "fc.bias": torch.zeros(2)}


def network(weights):
    return build_classifier("tiny_resnet", weights=str(weights), image_size=32, widths=(4, 8))


def prefixed(state, prefix):
    return {f"{prefix}{key}": value for key, value in state.items()}


PREFIXES = ("", "module.", "_orig_mod.", "model.", "net.", "backbone.", "encoder.")
TWICE = ("module._orig_mod.", "model.backbone.", "net.encoder.", "module.model.")
CONTAINERS = ("state_dict", "model", "model_state_dict", "model_ema", "net", "network")


def ways(state):
    for prefix in (*PREFIXES, *TWICE):
        yield prefix, prefixed(state, prefix)
    for name in CONTAINERS:
        yield name, {"epoch": 3, name: state}
        yield f"{name} of module.", {"optimizer": {"lr": 1e-3}, name: prefixed(state, "module.")}


def loaded(path, state):
    model = network(path)
    own = model.backbone.body.state_dict()
    assert all(own[key].equal(value) for key, value in state.items() if not key.startswith("fc."))
    return model.weights_origin


def test_every_way_of_leaving_weights_is_read(state, tmp_path):
    for number, (name, content) in enumerate(ways(state)):
        path = tmp_path / f"{number}.pt"
        torch.save(content, path)
        origin = loaded(path, state)
        assert origin.missing == (), name
        said = [text for text in origin.warnings if "were taken" in text]
        if name in ("", "state_dict"):
            assert not said
        else:
            assert f"of its {len(state)} tensors were taken" in said[0], name


def test_what_stood_around_them_is_named(state, tmp_path):
    content = {"model_state_dict": prefixed(state, "module."), "optimizer": {}}
    torch.save(content, tmp_path / "w.pt")
    (said,) = loaded(tmp_path / "w.pt", state).warnings
    count = f"{len(state) - 2} of its {len(state)} tensors were taken"
    assert said.endswith(f"{count}, from under model_state_dict > module.")


def test_a_head_of_ones_own_beside_the_backbone_is_left(state, tmp_path):
    content = prefixed(state, "encoder.") | {"head.weight": torch.zeros(2, 512)}
    torch.save(content, tmp_path / "w.pt")
    (said,) = loaded(tmp_path / "w.pt", state).warnings
    assert f"{len(state) - 2} of its {len(state) + 1} tensors" in said


def test_safetensors_of_others_are_read(state, tmp_path):
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "w.safetensors")
    assert loaded(tmp_path / "w.safetensors", state).warnings == ()


def test_another_network_is_refused_whatever_it_is_wrapped_in(tmp_path):
    other = {f"features.{k}.weight": torch.zeros(3, 3) for k in range(20)}
    torch.save({"model": prefixed(other, "module.")}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="those of another network"):
        network(tmp_path / "w.pt")


def test_the_first_container_wins_and_the_weights_of_an_average_stand_back():
    live, average = {"a": torch.ones(1)}, {"a": torch.zeros(1)}
    found = contained({"model_ema": average, "model": live})
    assert found.under == ("model",)
    assert found.state["a"].item() == 1


def test_a_name_of_the_network_that_looks_like_a_prefix_stays():
    own = {"encoder.weight": None, "head.weight": None}
    state = {"encoder.weight": torch.ones(1), "head.weight": torch.ones(1)}
    assert without_prefixes(state, own).under == ()
