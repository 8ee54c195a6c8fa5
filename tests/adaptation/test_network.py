import numpy as np
import pytest
import torch

from medcnn.adaptation.images import read_elsewhere
from medcnn.adaptation.network import adapt_norms
from medcnn.data.settings import Data, Source
from medcnn.errors import ConfigError
from medcnn.inference.loading import load_model, load_weights
from medcnn.inference.settings import Inference
from medcnn.run.directory import RunDir


@pytest.fixture(scope="module")
def images(wider_run, draw_hospital, tmp_path_factory):
    folder = draw_hospital(tmp_path_factory.mktemp("there"), 50, 41, shift=40)
    source = Source("medcnn.data.sources.folder.read", {"root": str(folder)})
    run = RunDir(wider_run.path)
    return read_elsewhere([run], Data(name="folder", root=str(folder), source=source))


def test_the_first_layer_normalises_what_it_sees_there_and_weights_stay(
    wider_run, images, tmp_path
):
    run, target = RunDir(wider_run.path), RunDir(tmp_path / "new")
    (target.path / "checkpoints").mkdir(parents=True)
    target.config.write_bytes(run.config.read_bytes())
    layers = adapt_norms(run, target, images, Inference(batch_size=25))
    old, new = load_model(run), load_weights(target)
    for (name, one), other in zip(
        old.network.named_parameters(), new.network.parameters(), strict=True
    ):
        assert torch.equal(one, other), name
    first = layers[0].removeprefix("network.")
    norm = new.network.get_submodule(first)
    seen = []
    norm.register_forward_pre_hook(lambda _, x: seen.append(x[0].double()))
    pixels = images.cache.take(np.arange(len(images.cache))).astype(np.float32) / 255
    with torch.no_grad():
        new(torch.from_numpy(pixels)[:, None])
    mean = torch.cat(seen).mean((0, 2, 3))
    np.testing.assert_allclose(norm.running_mean, mean, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(
        norm.running_mean, old.network.get_submodule(first).running_mean, atol=1e-2
    )


def test_an_ensemble_is_referred_to_its_members(wider_run, images, tmp_path):
    whole = RunDir(tmp_path / "whole")
    for number in range(2):
        whole.member(number).path.mkdir(parents=True)
        whole.member(number).config.write_text("a: 1")
    with pytest.raises(ConfigError, match="adapt one of them"):
        adapt_norms(whole, RunDir(tmp_path / "new"), images, Inference())
