"""A network of one's own, from a package that is installed beside medcnn and trusted."""

import sys

import pytest
import torch

import medcnn
from medcnn.cli import run
from medcnn.errors import ConfigError
from medcnn.explanations.cam import choose_stage
from medcnn.inference.loading import load_model
from medcnn.models import build_classifier
from medcnn.models.checks import check_model
from medcnn.models.settings import Model
from medcnn.run.directory import RunDir

CODE = """
from torch import nn

def build(image_size, width=8):
    return nn.Sequential(
        nn.Conv2d(1, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1)
    )

def vectors():
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16, 6))

def classes():
    return nn.Flatten(0)

def staged(image_size):
    from medcnn.models.stages import Backbone, GlobalAverage
    body = nn.ModuleDict({"low": nn.Conv2d(1, 4, 3, 2, 1), "high": nn.Conv2d(4, 6, 3, 2, 1)})
    return Backbone("mine", body, stages=list(body.items()), pool=GlobalAverage(), feature_dim=6)

number = 3
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """Put a package of a stranger's where pip would; return its name."""
    site = tmp_path_factory.mktemp("site")
    (site / "cxr_plugin").mkdir()
    (site / "cxr_plugin" / "__init__.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        patch.setenv("MEDCNN_TRUSTED_PACKAGES", "cxr_plugin")
        yield "cxr_plugin"
    sys.modules.pop("cxr_plugin", None)


def built(name, **options):
    return build_classifier("custom", weights="none", factory=name, image_size=32, **options)


def test_a_run_of_it_is_trained_evaluated_and_predicted(plugin, easy_data, tmp_path, capsys):
    folder = tmp_path / "run"
    own = [each for each in easy_data if not each.startswith("model")]
    given = ["model=custom", f"model.factory={plugin}:build", "+model.width=6"]
    medcnn.train([*own, *given, "trainer.max_epochs=1", f"run_dir={folder}"])
    model = load_model(RunDir(folder))
    assert model.network.backbone.feature_dim == 6
    output = tmp_path / "features.csv"
    assert run("features", [f"run={folder}", f"output={output}", "split=test"]) == 0
    assert "6 features each" in capsys.readouterr().out


def test_what_a_package_returns_becomes_a_backbone(plugin):
    image = torch.rand(3, 1, 32, 32)
    maps, vectors = built(f"{plugin}:build").eval(), built(f"{plugin}:vectors").eval()
    expected = maps.backbone.body(image).mean((2, 3))
    torch.testing.assert_close(maps.features(image), expected)
    torch.testing.assert_close(vectors.features(image), vectors.backbone.body(image))
    assert [name for name, _ in maps.stages] == ["network"]
    assert [name for name, _ in built(f"{plugin}:staged").stages] == ["low", "high"]
    assert choose_stage(maps, image) == "network"
    with pytest.raises(ConfigError, match="no stage with maps"):
        choose_stage(vectors, image)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cxr_plugin:classes", {}, "maps N×C×h×w"),
        ("cxr_plugin:number", {}, "is not there"),
        ("cxr_plugin:nothing", {}, "is not there"),
        ("cxr_plugin:build", {"depth": 3}, "does not take the options"),
        ("cxr_plugin.build", {}, "needs a factory"),
        ("statistics:mean", {}, "MEDCNN_TRUSTED_PACKAGES=statistics"),
    ],
)
def test_what_cannot_be_built_is_told(plugin, name, options, said):
    with pytest.raises(ConfigError, match=said):
        built(name, **options)


def test_a_package_that_is_not_there_is_told_before_the_data(monkeypatch):
    monkeypatch.setenv("MEDCNN_TRUSTED_PACKAGES", "cxr_absent")
    model = Model("medcnn.models.build_classifier", backbone="custom", factory="cxr_absent:build")
    with pytest.raises(ConfigError, match="not installed"):
        check_model(model)


def test_a_target_of_ones_own_is_told_what_to_give_instead():
    with pytest.raises(ConfigError, match=r"model=custom model\.factory=PACKAGE:FUNCTION"):
        check_model(Model("my_package.Net"))
