import pytest
from omegaconf import OmegaConf

from medcnn.cli import COMMANDS
from medcnn.settings.composition import config_folder
from medcnn.settings.help import help_text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_names_it_and_every_option_of_its_own(command):
    config = COMMANDS[command].config
    text = help_text(config)
    assert text.startswith(f"medcnn {command}")
    own = OmegaConf.load(config_folder() / f"{config}.yaml")
    for key in set(map(str, own)) - {"defaults"}:
        assert any(line.strip().strip('"').startswith(key) for line in text.splitlines()), key


def test_groups_are_listed_where_a_command_has_them():
    assert "  optimizer: adadelta, adafactor" in help_text("train")
    assert "  optimizer: adadelta, adafactor" in help_text("lr_find")
    assert "Groups" not in help_text("evaluate")
