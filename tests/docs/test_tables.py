"""The documents' tables of names hold exactly the names that there are."""

import re
from pathlib import Path

from medcnn.augment.views import VIEWS
from medcnn.calibration.combination import MERGES, VOTES
from medcnn.diagnosis.verdicts import RULES
from medcnn.explanations.names import METHODS
from medcnn.layers import LAYERS
from medcnn.run.directory import RunDir
from medcnn.settings.composition import config_folder

ROOT = Path(__file__).resolve().parents[2]


def text(name):
    return (ROOT / name).read_text()


def first_column(page):
    """Return the names in the first cell of every row of a page's tables."""
    rows = re.findall(r"^\| ([^|]+) \|", text(page), flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w=]+)`", row)}


def test_findings_of_the_diagnosis():
    rules = {rule.__name__ for rule in RULES}
    assert first_column("docs/tuning.md") == rules | {"good_fit"}


def test_explanations():
    assert first_column("docs/explanations.md") == {"method", *METHODS}


def test_sources():
    named = {name for name in first_column("docs/sources.md") if name.islower()}
    sources = {file.stem for file in (config_folder() / "data").glob("*.yaml")} - {"several"}
    assert sources <= named


def test_votes_and_views():
    page = text("docs/uncertainty.md")
    (votes,) = re.findall(
        r"`vote` combines members: ([^.]+)\.\s`tta_merge`", page.replace(" al.", "")
    )
    assert set(re.findall(r"`(\w+)`", votes)) == set(VOTES)
    (merges,) = re.findall(r"`tta_merge` combines views: `([^`]+)`", page)
    assert merges.split() == list(MERGES)
    (views,) = re.findall(r"\| `tta=light` \|[^|]+\| `([^`]+)` \|", page)
    assert set(views.split()) == set(VIEWS)


def test_the_lectures_layers_all_have_a_place_on_the_page():
    linked = set(re.findall(r"medcnn/layers/(\w+)\.py", text("docs/lectures.md")))
    homes = {type_.__module__.rpartition(".")[2] for type_ in LAYERS.values()}
    # Those that no lecture speaks of.
    assert homes - linked == {"global_pooling", "noise"}


def test_the_files_of_a_run():
    page = text("README.md")
    run = RunDir(Path())
    for path in (run.config, run.environment, run.manifest, run.audit, run.metrics, run.results):
        assert f"`{path.name}`" in page
