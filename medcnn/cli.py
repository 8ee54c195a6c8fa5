"""The installed command: ``medcnn train|evaluate|predict|audit|check|plan``.

Every command takes Hydra overrides (``group=option key=value``) and is answered by one function,
imported only after the configuration has proved sound. Exit codes: 0 done; 1 a fault of medcnn; 2 a
fault in what the user gave; 3 stopped by the audit; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medcnn.errors import ConfigError, MedcnnError, unknown_name
from medcnn.training.launch import check_alone, heed, launched
from medcnn.version import REPORT_TO, __version__

if TYPE_CHECKING:
    from omegaconf import DictConfig


@dataclass(frozen=True)
class Command:
    """One sub-command: its configuration, the function that does it, and its plain words.

    Attributes:
        config: The file in ``configs/``.
        function: ``module:name`` of what takes the composed configuration.
        summary: One line for ``medcnn --help``.
        words: Configuration keys that are given as plain words, as in ``medcnn check layers``.
        rest: The key that takes all further words as a list.
    """

    config: str
    function: str
    summary: str
    words: tuple[str, ...] = ()
    rest: str | None = None


COMMANDS = {
    "train": Command("train", "medcnn.commands.train:run", "train, test and report a model"),
    "evaluate": Command(
        "evaluate", "medcnn.commands.evaluate:run", "report a run, several, or a predictions file"
    ),
    "predict": Command("predict", "medcnn.commands.predict:run", "predict a file or a folder"),
    "export": Command(
        "export",
        "medcnn.commands.export:run",
        "a run as ONNX and safetensors, proved, with its reader",
    ),
    "adapt": Command(
        "adapt", "medcnn.commands.adapt:run", "fit threshold and calibrator to labelled local cases"
    ),
    "shift": Command(
        "shift", "medcnn.commands.shift:run", "are unlabelled images from the population of home"
    ),
    "serve": Command("serve", "medcnn.commands.serve:run", "serve a run by HTTP and DICOM"),
    "explain": Command(
        "explain", "medcnn.commands.explain:run", "heat maps of a run, and how far to believe them"
    ),
    "features": Command(
        "features", "medcnn.commands.features:run", "export the features of a run's images"
    ),
    "population": Command(
        "population",
        "medcnn.commands.population:run",
        "BatchNorm's statistics anew, over a run's training images",
    ),
    "audit": Command("audit", "medcnn.commands.audit:run", "look for leaks in a data set"),
    "check": Command(
        "check",
        "medcnn.commands.check:run",
        "prove the layers against torch, the reader against DICOM",
        ("what",),
        "names",
    ),
    "lr-find": Command(
        "lr_find", "medcnn.commands.lr_find:run", "plot the loss against the rate and suggest one"
    ),
    "diagnose": Command(
        "diagnose", "medcnn.commands.diagnose:run", "what the curves of a run say, what to try next"
    ),
    "show": Command(
        "show", "medcnn.commands.show:run", "the layers of a model, or what an augmentation does"
    ),
    "doctor": Command(
        "doctor",
        "medcnn.commands.doctor:run",
        "what is wrong with a file, a folder or the installation",
        ("path",),
    ),
    "plan": Command("plan", "medcnn.commands.plan:run", "the sample size of a study"),
}


HYDRA_OPTIONS = (
    *("--cfg", "--multirun", "--resolve", "--package", "--run", "--info", "--config-dir"),
    *("--hydra-help", "--shell-completion"),
    *("-c", "-m", "-p", "-r", "-i", "-cd", "-sc"),
)


def main(command: str | None = None) -> None:
    """Run the command line and exit; ``command`` is fixed by the thin launchers."""
    arguments = sys.argv[1:]
    if command is None:
        command, arguments = _choose(arguments)
    sys.exit(run(command, arguments))


def run(command: str, arguments: Sequence[str]) -> int:
    """Run one command on its arguments and return the exit code.

    What ``torchrun`` or ``srun`` started several times does it once: the first process, with whose code
    the others end.
    """
    launch = launched()
    # Tasks of srun with another command know nothing of one another: each is refused by itself.
    if launch is None or (launch.by == "srun" and command != "train"):
        return _run(command, arguments)
    heed(launch)
    from medcnn.training.company import in_company  # torch: seconds

    return in_company(launch, (command, *arguments), lambda: _run(command, arguments))


def _run(command: str, arguments: Sequence[str]) -> int:
    chosen = COMMANDS[command]
    try:
        if command != "train" or {"-m", "--multirun"} & {*arguments}:
            check_alone(f"medcnn {command}{' -m' if command == 'train' else ''}")
        if {"-h", "--help"} & {*arguments}:
            _print_help(chosen)
        else:
            _run_hydra(command, _with_words(chosen, arguments))
        sys.stdout.flush()
    except MedcnnError as error:
        print(f"medcnn: {error}", file=sys.stderr)  # noqa: T201  the one place that ends a command
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("medcnn: interrupted\n")
        return 130
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:  # noqa: BLE001  the last resort names its own fault
        if isinstance(error, BrokenPipeError) and _reader_left():
            return 128 + signal.SIGPIPE
        return _unforeseen(error, chosen, arguments)
    return 0


def _choose(arguments: Sequence[str]) -> tuple[str, list[str]]:
    parser = argparse.ArgumentParser(
        prog="medcnn",
        description="Train, check and report chest X-ray normal/abnormal classifiers.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:10} {command.summary}" for name, command in COMMANDS.items())
        + "\n\nmedcnn COMMAND --help shows the options of one command.\n"
        + 'eval "$(medcnn -sc install=bash)" completes commands and keys by the tab key.',
    )
    parser.add_argument("--version", action="version", version=f"medcnn {__version__}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="group=option key=value …")
    if arguments[:1] in (["-sc"], ["--shell-completion"]):
        return _complete(arguments)
    known = parser.parse_args(arguments)
    if known.command is None:
        parser.print_help()
        sys.exit(0)
    if known.command not in COMMANDS:
        error = unknown_name("command", known.command, COMMANDS)
        sys.stderr.write(f"medcnn: {error}\n")
        sys.exit(error.exit_code)
    return known.command, known.arguments


def _complete(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Complete the command itself, or leave the rest of the line to Hydra, which knows of none."""
    line = os.environ.get("COMP_LINE", "")
    program, _, rest = line.lstrip().partition(" ")
    word, space, further = rest.lstrip().partition(" ")
    if arguments[1:2] and arguments[1].startswith("query="):
        if not space:
            sys.stdout.write(" ".join(name for name in COMMANDS if name.startswith(word)) + "\n")
        if not space or word not in COMMANDS:
            sys.exit(0)
        os.environ["COMP_LINE"] = f"{program} {further}"
    return word if word in COMMANDS else "train", list(arguments)


def _print_help(command: Command) -> None:
    from medcnn.commands.trees import TREES
    from medcnn.settings.help import help_text

    sys.stdout.write(help_text(command.config, TREES[command.config]) + "\n")


def _reader_left() -> bool:
    """Return whether nobody reads standard output any more, as behind ``| head``; drop what is left."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _with_words(command: Command, arguments: Sequence[str]) -> list[str]:
    """Turn plain words into overrides, quoted for Hydra; behind an option they are its own.

    Raises:
        ConfigError: If an option is none of Hydra's.
    """
    from medcnn.settings.grammar import is_override, quoted

    words = list(command.words)
    overrides: list[str] = []
    options: list[str] = []
    rest: list[str] = []
    for argument in arguments:
        is_word = not is_override(argument)
        if argument.startswith("-"):
            _check_option(argument)
            options.append(argument)
        elif options and is_word:
            options.append(argument)
        elif words and is_word:
            overrides.append(f"{words.pop(0)}={quoted(argument)}")
        elif command.rest and is_word:
            rest.append(quoted(argument))
        else:
            overrides.append(argument)
    if rest:
        overrides.append(f"{command.rest}=[{','.join(rest)}]")
    return [*overrides, *options]  # argparse takes no further overrides behind an option


def _check_option(argument: str) -> None:
    name, _, value = argument.partition("=")
    if name in ("--config-name", "-cn", "--config-path", "-cp"):
        raise ConfigError(
            "Each command has its own configuration, and it cannot be exchanged.",
            expected="values and groups of it: experiment=NAME data=NAME key=value",
            found=argument,
            remedy="put a YAML of your own into FOLDER/experiment/NAME.yaml and give "
            "--config-dir FOLDER experiment=NAME",
        )
    if name not in HYDRA_OPTIONS:
        raise ConfigError(
            f"There is no option {name!r}.",
            expected="key=value without dashes, or --help, --cfg job, --multirun (-m)",
            found=argument,
            remedy=f"write {name.lstrip('-')}={value or 'VALUE'}; --help shows the keys",
        )


def _run_hydra(name: str, given: Sequence[str]) -> None:
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from medcnn.settings.asked import check_asked
    from medcnn.settings.composition import config_folder, explain
    from medcnn.settings.grammar import as_given

    command = COMMANDS[name]
    several = bool({"-m", "--multirun"} & {*given})
    arguments = as_given(given, several=several)
    overrides = tuple(text for text in arguments if not text.startswith("-"))
    if not {"-sc", "--shell-completion"} & {*arguments}:
        check_asked(command.config, overrides, several=several)
    failures: list[MedcnnError] = []

    def task(cfg: DictConfig) -> Any:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from medcnn.jobs import Job, tell
        from medcnn.run.command import asking

        hydra_config = HydraConfig.get()
        alone = hydra_config.mode == RunMode.RUN
        asked = given if alone else hydra_config.overrides.task
        try:
            with asking(name, asked):
                return Job(command.config, command.function, overrides)(cfg)
        except Exception as error:
            if not alone:
                tell(hydra_config.job.num, error)
                raise
            if not isinstance(error, MedcnnError):
                raise
            failures.append(error)  # raised through Hydra, it would be announced a second time
            return None

    # Threads of torch that wait by spinning take the core from the very thread that they wait for when
    # loaders, or anything else, keep the cores busy; it has to be said before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Hydra prints and swallows errors unless this is set; here they are explained instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        hydra.main(str(config_folder()), command.config, version_base="1.3")(task)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error, command.config, overrides) from error
    finally:
        sys.argv = before
    if failures:
        raise failures[0]


def _unforeseen(error: Exception, command: Command, arguments: Sequence[str]) -> int:
    from hydra.errors import HydraException

    if isinstance(error, HydraException):
        from medcnn.settings.composition import explain

        explained = explain(error, command.config, list(arguments))
        sys.stderr.write(f"medcnn: {explained}\n")
        return explained.exit_code
    traceback.print_exception(error)
    sys.stderr.write(
        "medcnn: this is a fault of medcnn, not of your input. Please report it with the text above,\n"
        f"  with what `medcnn doctor` says of the installation, and with the command: {REPORT_TO}\n"
    )
    return 1


if __name__ == "__main__":
    main()
