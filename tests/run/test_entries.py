import pytest

from medcnn.errors import DataError
from medcnn.run.directory import RunDir, write_json
from medcnn.run.entries import read_entries
from medcnn.run.journal import Journal, count_look


@pytest.fixture
def run(tmp_path):
    return RunDir(tmp_path)


def test_what_a_journal_wrote_is_read_back(run):
    journal = Journal(run, seed=7)
    with journal.stage("data"):
        journal.warn("beware")
    journal.note(device="CPU (2 cores)", more={"any": 1})
    found = read_entries(run)
    assert (found.seed, found.warnings, found.finished) == (7, ("beware",), None)
    assert list(found.seconds) == ["data"]
    assert found.content["more"] == {"any": 1}
    assert found.environment.device == "CPU (2 cores)"
    assert found.environment.versions["numpy"]
    journal.finish()
    assert read_entries(run).finished >= found.started


def test_what_is_not_recorded_is_none_or_empty(run):
    write_json(run.environment, {})
    found = read_entries(run)
    assert (found.seed, found.started, found.resumed, found.hashes) == (None, None, 0, {})
    assert found.environment.cores is None


def test_a_look_at_test_is_counted_and_the_rest_kept(run):
    write_json(run.environment, {"note": "kept"})
    count_look(run)  # runs of earlier versions were evaluated once, and did not say so
    count_look(run)
    assert read_entries(run).content == {"note": "kept", "test_looks": 3}


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "[]",
            "nonsense",
            '{"warnings": "x"}',
            '{"seed": "x"}',
            '{"seconds": {"data": null}}',
        ),
        *('{"notices": 5}', '{"notices": [5]}'),
    ],
)
def test_a_damaged_journal_is_refused_by_name(run, content):
    run.environment.write_text(content)
    with pytest.raises(DataError, match=r"environment\.json is not a readable"):
        read_entries(run)
    with pytest.raises(DataError, match=r"environment\.json"):
        Journal(run, seed=0)
