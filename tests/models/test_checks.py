import importlib.util
import subprocess
import sys

import pytest

from medcnn.errors import ConfigError, WeightsError
from medcnn.models.checks import check_model
from medcnn.models.settings import Model
from medcnn.settings.reading import read


def check(**given):
    """Check the model that a configuration describes."""
    check_model(read(Model, given))


def test_it_is_done_without_torch():
    code = (
        "import sys\n"
        "from medcnn.models.checks import check_model\n"
        "from medcnn.models.settings import Model\n"
        "from medcnn.settings.reading import read\n"
        "check_model(read(Model, {'backbone': 'xray_cnn', 'image_size': 64, 'weights': 'none'}))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.each(
    ("model", "message"),
    [
        ({"backbone": "resnte18"}, "did you mean 'resnet18'"),
        ({"backbone": "vit_b_16", "image_size": 60}, "multiple of 16"),
        ({"backbone": "resnet18", "stem": "tiny"}, "model.stem cannot be 'tiny'"),
        ({"backbone": "resnet18", "init": "hee"}, "did you mean init=he"),
        ({"backbone": "xray_cnn", "pooling": "mx"}, "did you mean 'max'"),
        ({"backbone": "xray_cnn", "width": [3]}, "has no option 'width'"),
        ({"backbone": "tiny_resnet", "widths": [0]}, "widths cannot be"),
    ],
)
def test_what_does_not_fit_is_refused(model, message):
    with pytest.raises(ConfigError, match=message):
        check(weights="none", **model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"backbone": "resnet18", "weights": "imagnet"}, "no weights at imagnet"),
        ({"backbone": "tiny_resnet", "weights": "imagenet"}, r"(.|\n)*model.weights=none"),
    ],
)
def test_weights_that_cannot_be_are_refused(model, message):
    with pytest.raises(WeightsError, match=message):
        check(**model)


def test_an_absent_package_is_named_where_its_weights_are_wanted(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    xrv = {"backbone": "xrv:densenet121-res224-nih", "weights": "auto"}
    with pytest.raises(ConfigError, match=r"torchxrayvision(.|\n)*\[models\]"):
        check(**xrv)
    check(**{**xrv, "weights": "none"})


def test_a_constructor_whose_run_could_not_be_read_back_is_refused():
    with pytest.raises(ConfigError, match=r"medcnn.models.something builds(.|\n)*model=custom"):
        check(_target_="medcnn.models.something")
