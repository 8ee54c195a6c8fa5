from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from medcnn.data.sources.chosen import source_names
from medcnn.data.sources.phantom.plan import Options
from medcnn.settings.composition import config_folder

DOCUMENT = Path(__file__).parents[3] / "docs" / "sources.md"


@pytest.mark.parametrize("name", source_names())
def test_a_configuration_offers_the_options_of_its_reader_with_their_defaults(name):
    config = OmegaConf.load(config_folder() / "data" / f"{name}.yaml")
    assert config.name == name
    options = OmegaConf.to_container(config.source, resolve=False)
    module, _, function = options.pop("_target_").rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), function)).parameters
    assert options.pop("root") == "${data.root}"
    if name == "phantom":  # its reader takes the fields of its options, whose defaults are harder
        assert set(options) == set(inspect.signature(Options).parameters)
        return
    assert set(options) == set(parameters) - {"root", "exclude"}  # the group itself excludes
    for option, value in options.items():
        if value == f"${{data.{option}}}":  # told in the group, whose field has the default
            continue
        default = parameters[option].default
        assert (list(value) if isinstance(value, list) else value) == (
            list(default) if isinstance(default, tuple) else default
        )


def test_every_source_has_a_place_among_the_roots():
    base = OmegaConf.load(config_folder() / "data_base.yaml")
    assert list(base.roots) == source_names()


def test_every_source_and_option_is_documented():
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in source_names():
        assert f"| `{name}` |" in text, name
    for name in ("uncertain", "views", "official_split", "readers", "labelled_by"):
        assert f"`data.source.{name}`" in text
