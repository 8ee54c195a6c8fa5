"""Configurations: where they lie, how one is composed, and what its faults are called.

Nothing here imports torch, so that ``--help``, ``--cfg job`` and every configuration error answer at
once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from medcnn.errors import ConfigError, MedcnnError, nearest
from medcnn.settings.grammar import as_given
from medcnn.settings.reading import Tree, read


def config_folder() -> Path:
    """Return the folder of the YAML files: inside an installed wheel, or beside the package."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "configs"
    return shipped if shipped.is_dir() else package.parent / "configs"


def compose(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Return the configuration that the overrides make of ``configs/<config_name>.yaml``.

    Raises:
        ConfigError: If an override is misspelt or does not fit.
    """
    from hydra.errors import HydraException

    try:
        return _composed(config_name, as_given(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error, config_name, overrides) from error


def _composed(config_name: str, overrides: Sequence[str]) -> DictConfig:
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        return hydra.compose(config_name, overrides=list(overrides))


def explain(error: Exception, config_name: str, overrides: Sequence[str]) -> MedcnnError:
    """Return the one clear message for what Hydra or OmegaConf raised."""
    from hydra.errors import MissingConfigException, OverrideParseException

    if isinstance(error.__cause__, MedcnnError):  # what was to be made said it well itself
        return error.__cause__
    if isinstance(error, OverrideParseException):
        return ConfigError(
            f"The argument {error.override!r} is not an override.",
            expected="group=option or key=value, for example data=chest_xray or optimizer.lr=1e-3",
            found=str(error.override),
            remedy="close what is open; what Hydra is to take as text stands in quotes of its own, "
            """inside those of the shell: 'key="[a text"'""",
        )
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _unknown_option(error.missing_cfg_file, error.options or ())
    text = f"{error}\n{error.__cause__ or ''}"
    for known in (_several_values, _twice, _refused_by_target):
        told = known(text)
        if told is not None:
            return told
    key = re.search(
        r"(?:Could not override|Key|append to your config use \+?)\s*'?([\w./@-]+)", text
    )
    if "not in struct" in text or "Could not override" in text:
        return unknown_key(
            _full_key(text) or (key.group(1) if key else "?"), config_name, overrides
        )
    return ConfigError(
        "The configuration does not fit together.",
        found=" ".join(text.split())[:400],
        remedy="look at the composed configuration with --cfg job",
    )


def _several_values(text: str) -> ConfigError | None:
    found = re.search(
        r"Ambiguous value for argument '([^=]+)=(.*?)'\s*1\. To use it as a list", text
    )
    if found is None:
        return None
    key, values = found.groups()
    return ConfigError(
        f"{key} has several values, and this is one run.",
        expected=f"one value, or -m to run each: -m {key}={values}",
        found=f"{key}={values}",
        remedy=f"add -m; or write {key}=[{values}] for a list, '{key}=\"{values}\"' for a text",
    )


def _twice(text: str) -> ConfigError | None:
    found = re.search(r"(\S+) appears more than once in the final defaults list", text)
    if found is None:
        return None
    return ConfigError(
        f"{found[1]} is chosen twice.",
        expected=f"{found[1]}=NAME once, without +",
        found=f"{found[1]} twice",
        remedy=f"write {found[1]}=NAME",
    )


def _refused_by_target(text: str) -> ConfigError | None:
    """Return the error for arguments that a constructor does not take, or misses."""
    wrong = re.search(r"unexpected keyword argument '(\w+)'", text)
    absent = re.search(r"missing \d+ required \S+ arguments?: '(\w+)'", text)
    if not (wrong or absent):
        return None
    target = re.search(r"target '([\w.]+)'|(\w+)\.__init__\(\)", text)
    what = target[1] or target[2] if target else "What _target_ names"
    return ConfigError(
        f"{what} takes no {wrong[1]!r}." if wrong else f"{what} needs {absent and absent[1]!r}.",
        expected="the arguments that it declares",
        found=wrong[1] if wrong else "nothing",
        remedy="leave it out; a _target_ of your own is called with every value of its group"
        if wrong
        else "add it by +GROUP.NAME=VALUE",
    )


def _full_key(text: str) -> str | None:
    found = re.search(r"Could not override '([^'=]+)'", text) or re.search(r"full_key: (\S+)", text)
    return found.group(1) if found else None


def _unknown_option(path: str, options: Sequence[str]) -> ConfigError:
    group, _, option = path.rpartition("/")
    guess = nearest(option, options)
    return ConfigError(
        f"There is no {group or 'configuration'} named {option!r}.",
        expected=f"one of {', '.join(sorted(options))}" if options else "an existing configuration",
        found=f"{group}={option}",
        remedy=f"did you mean {group}={guess}?" if guess else f"choose one of the {group} options",
    )


def unknown_key(key: str, config_name: str, overrides: Sequence[str]) -> ConfigError:
    """Return the error for a key that no configuration of the command has, with the nearest."""
    known = sorted({*flat_keys(_without_values(config_name, overrides)), *groups(config_name)})
    guess = _same_leaf(key, known) or nearest(key, known)
    siblings = [name for name in known if name.rpartition(".")[0] == key.rpartition(".")[0]]
    return ConfigError(
        f"There is no key {key!r} in the configuration.",
        expected=", ".join(siblings) or "a key that --cfg job shows",
        found=key,
        remedy=f"did you mean {guess!r}?" if guess else "see every key with --cfg job",
    )


def _same_leaf(key: str, known: Sequence[str]) -> str | None:
    """Return the key of the same last name in another group, as optimizer.lr for lr."""
    leaf = key.rpartition(".")[2]
    return next((name for name in known if name.rpartition(".")[2] == leaf), None)


def groups(config_name: str) -> dict[str, str | None]:
    """Return the groups of options that a command chooses from, those it inherits included.

    Each has the option that is chosen unless told otherwise, None where none is.
    """
    own = OmegaConf.load(config_folder() / f"{config_name}.yaml")
    found: dict[str, str | None] = {}
    for entry in OmegaConf.select(own, "defaults", default=()):
        if isinstance(entry, DictConfig):
            found |= {str(group): option for group, option in entry.items()}
        elif entry not in ("base", "_self_"):
            found |= groups(str(entry))
    return found


def _without_values(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose with the group choices alone, to learn which keys they offer."""
    from hydra.errors import HydraException

    named = groups(config_name)
    choices = [text for text in overrides if text.partition("=")[0] in named]
    try:
        return _composed(config_name, choices)
    except (HydraException, OmegaConfBaseException):
        return _composed(config_name, ())


def flat_keys(cfg: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of a configuration, inner ones included."""
    for key in map(str, cfg):
        name = f"{prefix}{key}"
        yield name
        if not OmegaConf.is_missing(cfg, key) and not OmegaConf.is_interpolation(cfg, key):
            value = cfg[key]
            if isinstance(value, DictConfig):
                yield from flat_keys(value, f"{name}.")


def read_config(kind: type[Tree], cfg: DictConfig, *, lenient: bool = False) -> Tree:
    """Return the tree of settings that a composed configuration describes, as ``read`` does.

    Raises:
        ConfigError: If a mandatory value is missing, or a value does not fit.
    """
    return read(kind, plain(cfg), lenient=lenient)


def plain(cfg: Any) -> Any:
    """Return a configuration as plain dicts, lists and values, interpolations resolved.

    Raises:
        ConfigError: If a mandatory value (``???``) is missing.
    """
    missing = sorted(_missing(OmegaConf.to_container(cfg, resolve=False)))
    if missing:
        raise ConfigError(
            f"The configuration needs a value for {missing[0]}.",
            expected=f"{missing[0]}=VALUE on the command line",
            found="nothing",
            remedy=f"add {missing[0]}=…; the chosen data set cannot know it"
            if missing[0].startswith("data.")
            else f"add {missing[0]}=…",
        )
    try:
        return OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(
            "An interpolation in the configuration does not resolve.",
            found=" ".join(str(error).split()),
            remedy="check the names between ${ and }",
        ) from error


def _missing(value: Any, prefix: str = "") -> Iterator[str]:
    if value == "???":
        yield prefix
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _missing(inner, f"{prefix}.{key}" if prefix else str(key))
