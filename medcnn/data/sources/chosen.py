"""Which sources ``data.sources`` names, and what each of them is told: pure options, no images.

Nothing here imports pandas, so that a slip in the options is answered at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from omegaconf import OmegaConf

from medcnn.data.settings import Data, Source
from medcnn.errors import ConfigError, unknown_name
from medcnn.settings.composition import config_folder
from medcnn.settings.reading import as_plain, read

SELF = "several"
"""The option of the data group that stands for several sources is none itself."""


def source_names() -> list[str]:
    """Return the names of the sources: the options of the data group."""
    files = (config_folder() / "data").glob("*.yaml")
    return sorted(path.stem for path in files if path.stem != SELF)


def source_of(name: str, data: Data) -> Source:
    """Return a source of ``data.sources`` with its own defaults, its root and its options.

    Args:
        name: One of ``data.sources``.
        data: The ``data`` group, with ``roots`` and ``options`` by source.

    Raises:
        ConfigError: If an option is not one of the source's.
    """
    path = config_folder() / "data" / f"{name}.yaml"
    declared = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    if not isinstance(declared, dict) or not isinstance(declared.get("source"), dict):
        raise ConfigError(
            f"{path} does not declare a source.", expected="a mapping source: with _target_"
        )
    options = {str(key): _shared(value, data) for key, value in declared["source"].items()}
    given = data.options.get(name) or {}
    own = sorted(set(options) - {"_target_", "root"})
    for key in given:
        if key not in own:
            raise unknown_name(f"option of the source {name}", key, own or ["no options"])
    described = options | given | {"root": data.roots.get(name)}
    return read(Source, described, prefix=f"data.options.{name}.")


def _shared(value: object, data: Data) -> object:
    """Return an option of a source; where it stands for one of the group's, that one's value."""
    found = re.fullmatch(r"\$\{data\.(\w+)\}", str(value))
    return as_plain(getattr(data, found[1])) if found else value


def check_sources(data: Data) -> tuple[str, ...]:
    """Return the names in ``data.sources``, checked; none where one source is used alone.

    Raises:
        ConfigError: If a name is unknown or stands twice, a root is missing or left over, or an
            option is not one of its source's.
    """
    names = _names(data)
    _check_belonging("roots", data.roots, names)
    _check_belonging("options", data.options, names)
    for name in names:
        source = source_of(name, data)
        if not source.arguments["root"] and not _has_own_root(name):
            raise ConfigError(
                f"data.sources names {name}, and its folder is not given.",
                expected=f"data.roots.{name}=PATH",
                found="nothing",
                remedy=f"add data.roots.{name}=PATH",
            )
    if names and data.root:
        raise ConfigError(
            "data.root is for one source, and data.sources names several.",
            expected=" ".join(f"data.roots.{name}=PATH" for name in names),
            found=f"data.root={data.root}",
            remedy="give the folder of each source by its name, with data=several",
        )
    return names


def _names(data: Data) -> tuple[str, ...]:
    names = data.sources
    if not names and data.source is None:
        raise ConfigError(
            "data=several needs its sources.",
            expected="for example data.sources=[nih,rsna]",
            found="data.sources=[]",
        )
    known = source_names()
    for name in names:
        if name not in known:
            raise unknown_name("source", str(name), known)
        if names.count(name) > 1:
            raise ConfigError(
                f"data.sources names {name} twice.", remedy="take one of the two away"
            )
    return names


def _check_belonging(key: str, given: Mapping[str, object], names: tuple[str, ...]) -> None:
    for name, value in given.items():
        if value and name not in names:
            raise ConfigError(
                f"data.{key}.{name} is given, but {name} is not in data.sources.",
                expected=f"data.sources=[{','.join([*names, name])}]",
                found=f"data.sources=[{','.join(names)}]",
                remedy="name the source, or use data.root and data.source for a single one",
            )


def _has_own_root(name: str) -> bool:
    declared = OmegaConf.load(config_folder() / "data" / f"{name}.yaml")
    return not OmegaConf.is_missing(declared, "root")
