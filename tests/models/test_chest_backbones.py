import os

import numpy as np
import pytest
import torch
import torchvision

from medcnn.errors import WeightsError
from medcnn.models import build_classifier, rebuild
from medcnn.models.backbones import build_backbone
from medcnn.models.chest_backbones import InputRange, know_pixels
from medcnn.models.names import XRV_NAMES
from medcnn.models.settings import Model

xrv = pytest.importorskip("torchxrayvision")

NAME = "densenet121-res224-rsna"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(xrv.utils, "get_cache_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    return tmp_path


def _no_network(*arguments, **options):
    raise OSError("no network")


def _file_of(cache, name):
    return cache / xrv.models.model_urls[name]["weights_url"].rpartition("/")[2]


def test_every_name_is_torchxrayvisions():
    known = {name for name in xrv.models.model_urls if name.startswith(("densenet", "resnet50"))}
    assert set(XRV_NAMES) == known


def test_the_published_densenet_answers_as_in_its_library(cache):
    torch.manual_seed(0)
    theirs = xrv.models.DenseNet(weights=None, num_classes=18, in_channels=1).eval()
    torch.save(theirs, _file_of(cache, NAME))  # whole modules, as they are published
    model = build_classifier(f"xrv:{NAME}", weights="pretrained", image_size=224).eval()
    origin = model.weights_origin
    assert (origin.loaded, origin.missing, origin.unexpected) == ("chest", (), ())
    mean, std = 0.48, 0.21
    model.meet_data(mean, std, lambda: pytest.fail("no images are needed"))
    pixels = np.random.default_rng(0).random((224, 224), dtype=np.float32)
    image = torch.from_numpy(pixels)[None, None]
    with torch.no_grad():
        expected = theirs.features2(torch.from_numpy(xrv.utils.normalize(pixels, 1))[None, None])
        found = model.features((image - mean) / std)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_the_published_resnet_is_a_plain_state(cache):
    theirs = torchvision.models.resnet50(weights=None, num_classes=18)
    theirs.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    torch.save(theirs.state_dict(), _file_of(cache, "resnet50-res512-all"))
    model = build_classifier("xrv:resnet50-res512-all", weights="auto", image_size=128)
    assert model.weights_origin.loaded == "chest" and not model.weights_origin.warnings
    torch.testing.assert_close(model.backbone.body.conv1.weight, theirs.conv1.weight)


class Exploit:
    def __reduce__(self):
        return os.system, ("touch exploited",)


def test_anything_else_in_that_place_is_refused(cache, monkeypatch):
    monkeypatch.chdir(cache)
    torch.save(Exploit(), _file_of(cache, NAME))
    with pytest.raises(WeightsError, match="cannot be read"):
        build_classifier(f"xrv:{NAME}", weights="pretrained")
    assert not (cache / "exploited").exists()


def test_offline_it_says_where_the_file_belongs(cache):
    with pytest.raises(WeightsError, match=r"cannot be had(.|\n)*kaggle-densenet121"):
        build_classifier(f"xrv:{NAME}", weights="pretrained")


def test_standardised_pixels_return_to_the_range_of_the_library():
    layer = InputRange()
    layer.know(0.4, 0.2)
    pixels = torch.tensor([0.0, 0.25, 0.5, 1.0])
    torch.testing.assert_close(
        layer((pixels - 0.4) / 0.2), torch.tensor([-1024.0, -512.0, 0.0, 1024.0])
    )


def test_the_statistics_travel_with_the_checkpoint():
    options = {"backbone": f"xrv:{NAME}", "image_size": 32}
    model = build_classifier(**options, weights="none")
    know_pixels(model, 0.3, 0.1)
    other = rebuild(Model("medcnn.models.build_classifier", options))
    other.load_state_dict(model.state_dict())
    assert other.backbone.body.input_range.pixel_mean.item() == pytest.approx(0.3)


def test_it_has_the_stages_of_its_architecture_and_takes_a_step():
    backbone = build_backbone(f"xrv:{NAME}", image_size=32)
    assert [name for name, _ in backbone.stages] == ["stem", "layer1", "layer2", "layer3", "layer4"]
    backbone(torch.randn(2, 1, 32, 32)).sum().backward()
    assert all(p.grad is not None for p in backbone.parameters())
