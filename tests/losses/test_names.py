import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from medcnn.errors import ConfigError
from medcnn.losses.names import LOSSES, check_loss, read_terms
from medcnn.settings.composition import compose, config_folder

NAMES = sorted(path.stem for path in (config_folder() / "loss").glob("*.yaml"))


def test_every_loss_has_a_configuration_of_its_name():
    assert set(LOSSES) < set(NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"mixture"}))
def test_every_configuration_is_sound(name):
    check_loss(OmegaConf.to_container(compose("train", [f"loss={name}"]).loss))


def test_terms_are_taken_as_they_are_written():
    for group in ("loss=bce", "loss=mixture"):
        cfg = compose("train", [group, "loss.terms={bce: 1.0, auc_margin: 0.5}"])
        read = read_terms(cfg.loss.name, OmegaConf.to_container(cfg.loss)["terms"])
        assert read == {"bce": {"weight": 1.0}, "auc_margin": {"weight": 0.5}}


@pytest.mark.each(
    ("loss", "message"),
    [
        ({"name": "focl"}, r"no loss named 'focl'(.|\n)*did you mean 'focal'"),
        ({"name": None}, "has no terms"),
        ({"name": "bce", "terms": {"bce": "much"}}, "weight of the loss bce cannot be"),
        ({"name": "bce", "terms": {"focal": {"gama": 1}}}, r"option(.|\n)*did you mean 'gamma'"),
        ({"name": "bce", "label_smoothing": 1.0}, "label_smoothing cannot be 1.0"),
        ({"name": "bce", "label_smoothing": "x"}, "label_smoothing cannot be"),
        ({"name": "focal", "gamma": 2.0, "terms": {"bce": 1}}, "loss.gamma belongs to focal"),
    ],
)
def test_what_cannot_be_built_is_refused(loss, message):
    with pytest.raises(ConfigError, match=message):
        check_loss(loss)


def test_names_need_no_torch():
    code = "import sys, medcnn.losses.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
