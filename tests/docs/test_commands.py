"""Every command and every option that the documents print is one that there is."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep

from medcnn.cli import COMMANDS, _with_words, run
from medcnn.errors import MedcnnError
from medcnn.search.settings import SearchSettings
from medcnn.search.space import read_space
from medcnn.settings.composition import compose, config_folder, plain
from medcnn.settings.grammar import SPELLINGS
from medcnn.settings.reading import read
from medcnn.training.settings import Settings, checked

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
LAUNCHED = re.compile(r"(?:python (train|evaluate|predict)\.py|medcnn ([a-z-]+))( .*)?")
OPTION = re.compile(r"[~+]{0,2}([a-z_]+(?:\.[\w]+)*)=(.+)")


def blocks(text):
    """Yield the lines of code blocks, continued lines joined and what follows ``&&`` by itself."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("    "):
            yield from (part.strip() for part in line.split("&&"))


def spans(text):
    """Yield what stands between backticks within a line."""
    return re.findall(r"`([^`\n]+)`", text)


def commands():
    """Yield (page, command, arguments as the shell splits them) of every command, each once."""
    seen = set()
    for page in PAGES:
        text = page.read_text()
        for line in (*blocks(text), *spans(text)):
            found = LAUNCHED.fullmatch(line)
            name = found and (found[1] or found[2])
            if name not in COMMANDS or "…" in line or "=NAME" in line or "--config-dir" in line:
                continue
            # Split as a shell does it: operators that are not quoted stand by themselves.
            words = shlex.shlex(found[3] or "", posix=True, punctuation_chars=True)
            words.whitespace_split = True
            arguments = tuple(words)
            if (name, arguments) not in seen:
                seen.add((name, arguments))
                yield page.name, name, arguments


@pytest.mark.each("page", PAGES)
def test_no_bracket_is_left_to_the_shell(page):
    """zsh takes unquoted brackets for a pattern of file names, and refuses to run the command."""
    text = page.read_text()
    lines = [line for line in (*blocks(text), *spans(text)) if LAUNCHED.fullmatch(line)]
    words = [word for line in lines for word in shlex.split(line, comments=True, posix=False)]
    bare = [word for word in words if "=" in word and not set("'\"") & set(word)]
    assert not [word for word in bare if set("[(*?") & set(word)]


def composed(command, arguments):
    """Compose the configuration of a command; of a sweep, that of its first job."""
    flags = {"-m", "--help", "--cfg", "job"}
    overrides = [text for text in arguments if text not in flags]
    if "-m" in arguments:
        overrides = [first_of(text) for text in overrides]
    return compose(COMMANDS[command].config, _with_words(COMMANDS[command], overrides))


def first_of(text):
    override = OverridesParser.create().parse_override(text)
    if not override.is_sweep_override():
        return text
    sweep = override.value()
    start = sweep.start if isinstance(sweep, IntervalSweep) else next(override.sweep_iterator())
    return f"{override.key_or_group}={start}"


@pytest.mark.parametrize("name", sorted({name for _, name, _ in commands()}))
def test_every_printed_command_composes(name):
    for page, command, arguments in commands():
        if command != name:
            continue
        assert not set(arguments) & set("><|;&()"), f"{page}: needs quotes in a shell"
        try:
            settings = composed(command, arguments)
            # What stands for a path of the reader's own, or is left to every fold, cannot be checked.
            stand_ins = re.search(r"PATH|RUN|FILE|CV|\.fold=", " ".join(arguments))
            if command == "train" and not stand_ins:
                kind = SearchSettings if "search" in settings else Settings
                checked(read(kind, plain(settings)))
        except MedcnnError as error:
            pytest.fail(f"{page}: {command} {shlex.join(arguments)}: {error}")


def test_the_configuration_of_ones_own_that_is_printed_composes(tmp_path, capsys):
    (text,) = re.findall(r"```yaml\n(.+?)```", (ROOT / "docs" / "labels.md").read_text(), re.DOTALL)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    given = ["--config-dir", str(tmp_path), "experiment=mine", "optimizer.lr=3e-4", "--cfg", "job"]
    assert run("train", given) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    assert (found["name"], float(found["optimizer"]["lr"])) == ("ours", 3e-4)
    assert found["data"]["columns"]["label"] == "Diagnosis"
    assert found["model"]["backbone"] == "densenet121"


def test_the_ranges_of_the_printed_search_are_read():
    text = (ROOT / "docs" / "tuning.md").read_text()
    (line,) = (line for line in blocks(text) if "tag(log" in line and "train.py" in line)
    given = [word for word in shlex.split(line)[3:] if not word.startswith("search")]
    space, shared = read_space({}, given)
    assert {parameter.name for parameter in space} >= {"optimizer.lr", "model"}
    assert shared == []


@cache
def known():
    """Return every key of every configuration file, and for each group its options."""
    folder = config_folder()
    keys, options = set(), {}
    for file in folder.rglob("*.yaml"):
        group = file.parent.relative_to(folder).as_posix()
        raw = yaml.safe_load(file.read_text()) or {}
        whole = group in (".", "experiment", "search", "shared")
        place = "data" if file.stem == "data_base" else "" if whole else group
        keys |= set(dotted(raw, place and f"{place}."))
        if group not in (".", "shared"):
            options.setdefault(group, set()).add(file.stem)
    return keys, options


def dotted(raw, prefix):
    for key, value in raw.items():
        name = f"{prefix}{key}"
        yield name
        if isinstance(value, dict):
            yield from dotted(value, f"{name}.")


def printed_options():
    for page in PAGES:
        for span in sorted(set(spans(page.read_text()))):
            for word in span.split():
                found = OPTION.fullmatch(word.strip("'"))
                elsewhere = "(" in span or span.startswith(("pip", "pytest"))
                if found and not elsewhere and found[2] not in ("True", "False"):  # Python's own
                    yield page.name, found[1], found[2]


def test_every_printed_option_exists():
    keys, options = known()
    opened = r"(data\.(roots|options|source)|augment\.operators|loss\.terms)\."
    for page, key, value in sorted(set(printed_options())):
        key = SPELLINGS.get(key, key)
        if key.endswith(".NAME"):  # stands for names of the reader's own
            continue
        assert key in keys or key in options or re.match(opened, key), f"{page}: {key}"
        if key in options and re.fullmatch(r"[a-z0-9_|]+", value):
            assert set(value.split("|")) <= options[key] | {"null"}, f"{page}: {key}={value}"
