"""One cache for all tests, away from the user's."""

import json
import os
import subprocess
import sys
from inspect import signature
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

import medcnn
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir, write_json
from medcnn.run.hashes import hashes_of

# The same examples in every run; HYPOTHESIS_PROFILE=default draws new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A process on each core already: more threads would only wait for one another, and a fork for them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Nor are members, folds and trials divided among processes, but in the tests that ask for it.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")


LONGEST = (
    *("test_notebooks.py", "test_end_to_end.py", "test_members.py", "test_study.py"),
    *("test_launching.py", "test_resuming.py", "test_sweeping.py", "test_storage.py"),
)
LOOKED_AT = ("tests/reporting/", "tests/test_end_to_end.py")
TOGETHER = ("tests/commands/", "tests/crossvalidation/", "tests/reporting/")


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no process is left with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


class FoldersTogether(LoadFileScheduling):
    """Gives a process whole files, and whole folders whose files share a trained run or a report."""

    def _split_scope(self, nodeid):
        return next((name for name in TOGETHER if nodeid.startswith(name)), None) or (
            super()._split_scope(nodeid)
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FoldersTogether(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_generate_tests(metafunc):
    """Ask for the first row of a table, so that its columns count as what a test is given."""
    for mark in metafunc.definition.iter_markers("each"):
        metafunc.parametrize(mark.args[0], list(mark.args[1])[:1], ids=[pytest.HIDDEN_PARAM])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Hold a test to every row of its table, and fail with all rows that do not pass."""
    table = pyfuncitem.get_closest_marker("each")
    if table is None:
        return None
    names, rows = table.args
    names = names.replace(",", " ").split() if isinstance(names, str) else names
    given = {each: pyfuncitem.funcargs[each] for each in signature(pyfuncitem.obj).parameters}
    failures = []
    for number, row in enumerate(rows):
        given |= zip(names, row if len(names) > 1 else [row], strict=True)
        if "tmp_path" in given:
            given["tmp_path"] = pyfuncitem.funcargs["tmp_path"] / str(number)
            given["tmp_path"].mkdir()
        try:
            pyfuncitem.obj(**given)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001
            error.add_note(f"in row {number}: {row!r}")
            failures.append(error)
    if failures:
        raise failures[0] if len(failures) == 1 else BaseExceptionGroup("rows fail", failures)
    return True


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    before = os.environ.get("MEDCNN_CACHE")
    os.environ["MEDCNN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield Path(os.environ["MEDCNN_CACHE"])
    if before is None:
        del os.environ["MEDCNN_CACHE"]
    else:
        os.environ["MEDCNN_CACHE"] = before


@pytest.fixture(scope="session", autouse=True)
def plates_where_they_are_looked_at():
    """Leave a report's figures without content as PNG and PDF, which take half of an evaluation.

    Its page has them as SVG always; the tests of reports and of a run from end to end see all, and so
    does a file of tests that is run by itself.
    """

    def unless_looked_at(draw):
        def drawn(figure):
            current = os.environ.get("PYTEST_CURRENT_TEST", "")
            return draw(figure) if current.startswith(LOOKED_AT) else b""

        return drawn

    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            from medcnn.reporting import plates

            patch.setattr(plates, "to_png", unless_looked_at(plates.to_png))
            patch.setattr(plates, "to_pdf", unless_looked_at(plates.to_pdf))
        yield


class Answer(NamedTuple):
    """What a command said on stderr, its exit code, and all modules that were imported by then."""

    code: int
    said: str
    modules: set[str]


ASK = """
import json, sys
from medcnn.cli import run
for command, *arguments in json.loads(sys.argv[1]):
    code = run(command, arguments)
    print('=====', code, *sys.modules, '\\n=====', file=sys.stderr)
"""


@pytest.fixture(scope="session")
def in_new_process():
    """Return a function that gives commands to one new process and returns its answers."""

    def ask(*commands, cwd=None):
        done = subprocess.run(
            [sys.executable, "-c", ASK, json.dumps(commands)],
            capture_output=True,
            text=True,
            cwd=cwd,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        answers = []
        for each in done.stderr.split("\n=====\n")[:-1]:
            said, _, facts = each.rpartition("===== ")
            code, *modules = facts.split()
            answers.append(Answer(int(code), said, set(modules)))
        return answers

    return ask


@pytest.fixture(scope="session")
def real_data():
    folder = os.environ.get("MEDCNN_TEST_DATA")
    if not folder:
        pytest.skip("MEDCNN_TEST_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def easy_data(tmp_path_factory):
    """Return overrides for 96 images of 60 patients that a small network learns within seconds."""
    folder = tmp_path_factory.mktemp("easy")
    rng = np.random.default_rng(0)
    rows = ["image_id,path,label,patient_id"]
    for index in range(96):
        patient = index % 60
        label = patient % 2
        pixels = rng.normal(110 + 30 * label, 40, (32, 32)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), pixels)
        rows.append(f"i{index},{index}.png,{label},p{patient}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return [
        "data=manifest",
        f"data.root={folder / 'manifest.csv'}",
        "data.image_size=32",
        "data.batch_size=16",
        "data.audit=off",
        "augment=none",
        "model=tiny_resnet",
        "model.widths=[8,16]",
        "model.weights=none",
        "trainer.precision=32-true",
        "trainer.accelerator=cpu",
        "out_of_distribution=null",
    ]


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, easy_data):
    """Return a finished run of one epoch; tests leave it as it is, or take a copy."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return medcnn.train([*easy_data, "trainer.max_epochs=1", f"run_dir={folder}"]).paths


@pytest.fixture
def forked(capfd):
    """Return a function that calls another in a fork, and returns its exit code and what it said.

    A new process would import for seconds what this one has, before it can be killed.
    """

    def call(work, *arguments):
        process = get_context("fork").Process(target=work, args=arguments)
        process.start()
        process.join(240)
        said = capfd.readouterr()
        return process.exitcode, said.out + said.err

    return call


@pytest.fixture
def quick_start(monkeypatch):
    """Let processes that work together be forked, which spares them the seconds of their imports."""
    monkeypatch.setattr("medcnn.training.ranks.START_METHOD", "fork")


@pytest.fixture(scope="session")
def seal():
    """Return a function that records the hashes of a run which a test has changed, as its own."""

    def record(run):
        run = RunDir(Path(getattr(run, "path", run)))
        facts = read_json(run.environment)
        write_json(run.environment, facts | {"hashes": hashes_of(run)})

    return record


@pytest.fixture(scope="session")
def draw_hospital():
    """Return a function that writes class folders with images like those of ``easy_data``."""

    def draw(folder, count, seed, *, classes=("normal", "abnormal"), shift=0.0, apart=30.0):
        rng = np.random.default_rng(seed)
        for index in range(count):
            label = index % 2
            if label < len(classes):
                place = folder / classes[label]
                place.mkdir(parents=True, exist_ok=True)
                pixels = rng.normal(110 + apart * label + shift, 40, (32, 32)).clip(0, 255)
                cv2.imwrite(str(place / f"{seed}_{index}.png"), pixels.astype(np.uint8))
        return folder

    return draw


@pytest.fixture(scope="session")
def hospital(tmp_path_factory, draw_hospital):
    """Return a folder of 40 images like those of ``easy_data``, and one that cannot be read."""
    folder = draw_hospital(tmp_path_factory.mktemp("hospital"), 40, seed=9)
    (folder / "normal" / "broken.png").write_bytes(b"no image at all")
    return folder


@pytest.fixture(scope="session")
def wider_run(tmp_path_factory, draw_hospital):
    """Return a finished run with the detector, of images whose classes overlap, 60 of them for val."""
    root = tmp_path_factory.mktemp("wider")
    folder = draw_hospital(root / "images", 200, seed=1, apart=6.0)
    return medcnn.train(
        [
            "data=folder",
            f"data.root={folder}",
            *(
                "data.image_size=32",
                "data.batch_size=16",
                "data.val_fraction=0.3",
                "data.audit=off",
            ),
            *("augment=none", "model=tiny_resnet", "model.widths=[8,16]", "model.weights=none"),
            *("trainer.precision=32-true", "trainer.accelerator=cpu", "trainer.max_epochs=2"),
            "optimizer.lr=1e-2",
            f"run_dir={root / 'run'}",
        ]
    )
