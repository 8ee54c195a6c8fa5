"""What Hydra's grammar allows and no command has a use for, answered by name before composing."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose, config_folder, groups, unknown_key

OPEN = "hydra"
"""The part of a configuration that is Hydra's own."""


def check_asked(config_name: str, overrides: Sequence[str], *, several: bool) -> None:
    """Refuse keys that are taken away, added where nothing reads them, or shared by all jobs.

    Args:
        config_name: The file of the command in ``configs/``.
        overrides: As on the command line.
        several: Whether each value is a job of its own, by ``-m``.

    Raises:
        ConfigError: Naming the key, and how it is written.
    """
    for text in overrides:
        key, _, value = text.partition("=")
        if key.lstrip("+~").partition(".")[0].partition("/")[0] == OPEN:
            continue
        if key.startswith("~"):
            raise _taken_away(key[1:], config_name)
        if several and key == "run_dir" and "${" not in value:
            raise ConfigError(
                "One run directory cannot hold every run of a sweep.",
                expected=f"hydra.sweep.dir={value}, in which each has a folder of its own",
                found=text,
                remedy=f"write hydra.sweep.dir={value}",
            )
    added = [text for text in overrides if text.startswith("+") and not _is_of_hydra(text)]
    if added:
        _check_added(config_name, overrides, added)


def _is_of_hydra(text: str) -> bool:
    return text.lstrip("+").startswith((f"{OPEN}.", f"{OPEN}/"))


def _taken_away(key: str, config_name: str) -> ConfigError:
    without = "none" if (config_folder() / key / "none.yaml").is_file() else "null"
    return ConfigError(
        f"~{key} would take away what the command reads.",
        expected=f"a value for {key}",
        found=f"~{key}",
        remedy=f"write {key}={without}"
        if key in groups(config_name)
        else f"write {key}=VALUE; --help shows which",
    )


def _check_added(config_name: str, overrides: Sequence[str], added: Sequence[str]) -> None:
    plain = [text for text in overrides if not text.startswith(("+", "-", "~"))]
    composed = compose(config_name, plain)
    chosen = groups(config_name)
    for text in added:
        key = text.lstrip("+").partition("=")[0]
        if key in chosen or OmegaConf.select(composed, key) is not None:
            if text.startswith("++"):
                continue
            raise ConfigError(
                f"{key} is there already; + would add it a second time.",
                expected=text.lstrip("+"),
                found=text,
                remedy=f"write {text.lstrip('+')}",
            )
        if not _is_passed_on(composed, key):
            raise unknown_key(key, config_name, overrides)


def _is_passed_on(composed: DictConfig, key: str) -> bool:
    """Return whether a new key goes to a constructor, which says itself what it takes."""
    path = key.split(".")[:-1]
    if path == ["trainer"]:
        return True  # to Lightning's own
    above = (OmegaConf.select(composed, ".".join(path[:n])) for n in range(1, len(path) + 1))
    return any(isinstance(part, DictConfig) and "_target_" in part for part in above)
