"""The help of a command: what its configuration file says of each option, and its groups."""

from __future__ import annotations

from collections.abc import Iterable

from medcnn.settings.composition import config_folder, groups

FOOT = """--cfg job prints the composed configuration with every key; -m runs one job for each of
several comma-separated values; quote values that a shell would read: 'run=[RUN_A,RUN_B]'."""


def help_text(config_name: str) -> str:
    """Return the help of the command that ``configs/<config_name>.yaml`` configures.

    The file begins with comments on what the command does; behind the first empty line stand its
    options, each with its default and a remark.
    """
    text = (config_folder() / f"{config_name}.yaml").read_text(encoding="utf-8")
    head, _, options = text.partition("\n\n")
    summary = [line.removeprefix("# ") for line in head.splitlines() if line.startswith("#")]
    parts = ["\n".join(summary), "Options, as key=value:", _indented(options.splitlines())]
    choices = [f"{group}: {', '.join(_choices(group))}" for group in groups(config_name)]
    if choices:
        parts += ["Groups, as group=option:", _indented(choices)]
    return "\n\n".join([*parts, FOOT])


def _choices(group: str) -> list[str]:
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line}".rstrip() for line in lines)
