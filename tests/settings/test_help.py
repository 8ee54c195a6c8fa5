import pytest

from medcnn.cli import COMMANDS
from medcnn.commands.trees import TREES
from medcnn.settings.fields import keys
from medcnn.settings.help import FIRST, help_text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_names_it_and_every_option_of_its_own(command):
    config = COMMANDS[command].config
    text = help_text(config, TREES[config])
    assert text.startswith(f"medcnn {command}")
    shown = {line.strip().partition("=")[0] for line in text.splitlines()}
    assert {key for key, leaf in keys(TREES[config]) if leaf.component is None} <= shown


def test_groups_are_listed_where_a_command_has_them():
    assert "  optimizer: adadelta, adafactor" in help_text("train", TREES["train"])
    assert "  optimizer: adadelta, adafactor" in help_text("lr_find", TREES["lr_find"])
    assert "Groups" not in help_text("predict", TREES["predict"])


def test_what_people_change_most_stands_first_with_its_words():
    lines = help_text("train", TREES["train"]).splitlines()
    begin = lines.index("Changed most often, as key=value:") + 2
    assert [line.strip().partition("=")[0] for line in lines[begin : begin + len(FIRST)]] == [
        *FIRST
    ]
    assert lines[begin + FIRST.index("optimizer.lr")].split()[:2] == ["optimizer.lr=1.0e-3", "the"]
    assert any("monitor=val_auroc" in line and "(val_auroc | val_loss)" in line for line in lines)


def test_what_has_to_be_given_is_marked():
    assert "  run=… " in help_text("explain", TREES["explain"])


def test_a_command_that_takes_what_another_takes_says_its_own_first():
    lines = help_text("lr_find", TREES["lr_find"]).splitlines()
    begin = lines.index("Options, as key=value:") + 2
    own = {line.strip().partition("=")[0] for line in lines[begin : begin + 4]}
    assert own == {"output", "steps", "lowest", "highest"}
