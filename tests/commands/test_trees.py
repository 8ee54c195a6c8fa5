"""Every key of the YAML files has a field, and every field a key with the same default."""

from functools import cache

import pytest
from omegaconf import DictConfig, OmegaConf

from medcnn.cli import COMMANDS
from medcnn.commands.trees import TREES
from medcnn.search.settings import SearchSettings
from medcnn.settings.composition import compose, config_folder
from medcnn.settings.fields import keys, leaves
from medcnn.settings.options import options_of_group, remarks
from medcnn.settings.reading import as_plain

OF_GROUPS = {"data.name", "data.roots", "data.options"}
"""What the option of a group fills."""
GROUPS = {
    "show": ["data=phantom", "model=resnet18", "augment=cxr"],
    "evaluate": ["data=phantom"],
    "adapt": ["data=phantom"],
}
"""Groups that are empty until they are chosen."""
OF_SEARCH = {"search.method", "search.space", "search.pruner", "search.folder", "search.study"}


def values(cfg, prefix=""):
    """Yield the dotted keys of a configuration with their values, ??? for what has to be given."""
    for key in map(str, cfg):
        name = f"{prefix}{key}"
        if OmegaConf.is_missing(cfg, key):
            yield name, "???"
        elif isinstance(value := cfg[key], DictConfig):
            yield from values(value, f"{name}.")
            yield name, value
        else:
            yield name, OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


@cache
def composed(command):
    if command == "search":
        return dict(values(compose("train", ["search=random"]))), SearchSettings
    config = COMMANDS[command].config
    given = GROUPS.get(config, [])
    return dict(values(compose(config, given))), TREES[config]


@pytest.mark.each("command", [*COMMANDS, "search"])
def test_keys_and_fields_are_the_same(command):
    given, tree = composed(command)
    known = dict(keys(tree))
    open_to_all = tuple(
        f"{key}." for key, leaf in known.items() if leaf.component or key in OF_GROUPS | OF_SEARCH
    )
    above = {key.rpartition(".")[0] for key in known}
    strange = {key for key in given if not key.startswith(open_to_all)} - set(known) - above
    assert not strange, "keys without a field"
    assert not set(known) - set(given), "fields without a key"


@pytest.mark.each("command", [*COMMANDS, "search"])
def test_the_default_of_a_field_is_that_of_its_key(command):
    given, tree = composed(command)
    for key, leaf in keys(tree):
        if leaf.component is None and key not in OF_GROUPS | OF_SEARCH:
            wanted = "???" if leaf.meaning.required else as_plain(leaf.default)
            found = given[key]
            if isinstance(wanted, list):  # one word, or nothing, stands for a list
                found = [] if found is None else found if isinstance(found, list) else [found]
            assert found == wanted, key


def test_what_a_component_declares_stands_in_the_file_of_an_option():
    train = dict(keys(TREES["train"]))
    for place, leaf in train.items():
        if leaf.component is not None:
            group = place.partition(".")[0]
            listed = {
                each.key for option in options_of_group(group) for each in remarks(place, option)
            }
            assert {each.name for each in leaves(leaf.component)} <= listed, place


def test_every_configuration_file_of_a_command_has_a_tree():
    shared = {"base", "data_base"}
    assert {path.stem for path in config_folder().glob("*.yaml")} - shared == set(TREES)
