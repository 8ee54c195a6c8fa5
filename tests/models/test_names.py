import importlib.util

import pytest
import torchvision

from medcnn.errors import ConfigError
from medcnn.models import names


def test_every_name_is_torchvisions():
    known = set(torchvision.models.list_models(module=torchvision.models))
    assert set(names.BACKBONES) - set(names.FAMILIES["own"]) <= known


def test_every_classifier_of_torchvision_but_two_small_families_is_there():
    known = set(torchvision.models.list_models(module=torchvision.models))
    left_out = {
        name.partition("_")[0].rstrip("0123456789") for name in known - set(names.BACKBONES)
    }
    assert left_out == {"mnasnet", "shufflenet", "squeezenet"}


@pytest.mark.parametrize(
    ("name", "guess"),
    [("resnte18", "resnet18"), ("xrv:densenet121-res224-al", "xrv:densenet121-res224-all")],
)
def test_a_misspelt_name_gets_the_nearest(name, guess):
    with pytest.raises(ConfigError, match=f"did you mean '{guess}'"):
        names.check_backbone(name)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("wide_resnet50_2", "wide_resnet"),
        ("timm:vit_tiny_patch16_224", "timm"),
        ("xrv:resnet50-res512-all", "xrv"),
        ("xray_cnn", "own"),
    ],
)
def test_a_name_has_a_family(name, family):
    assert names.family_of(name) == family


@pytest.mark.parametrize(
    ("name", "size", "stem", "expected"),
    [
        ("vit_b_16", 100, "auto", "multiple of 16(.|\n)*data.image_size=96"),
        ("vit_b_16", 8, "auto", "data.image_size=16"),
        ("maxvit_t", 100, "auto", "multiple of 32"),
        ("inception_v3", 64, "imagenet", "at least 75"),
        ("vgg11", 28, "imagenet", "at least 32"),
        ("alexnet", 16, "auto", "at least 21"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(name, size, stem, expected):
    with pytest.raises(ConfigError, match=expected):
        names.check_size(name, size, stem)


@pytest.mark.parametrize(
    ("stem", "size", "small"),
    [("auto", 64, True), ("auto", 65, False), ("small", 500, True), ("imagenet", 28, False)],
)
def test_small_images_get_the_small_stem(stem, size, small):
    assert names.small_stem(stem, size) is small
    with pytest.raises(ConfigError, match="cannot be 'tiny'"):
        names.small_stem("tiny", size)


def test_an_absent_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"needs timm(.|\n)*\[models\]"):
        names.check_backbone("timm:resnet18")
