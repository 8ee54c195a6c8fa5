"""What members note, in the journal of the whole."""

from medcnn.files.plain import read_json
from medcnn.notices import Notice
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.run.minutes import Minutes, take_over


def test_the_journal_takes_over_what_members_noted_whatever_was_interrupted(tmp_path):
    whole, shown = RunDir(tmp_path), []
    journal = Journal(whole, seed=0, echo=shown.append)
    journal.warn("known")
    first = Minutes(whole.member(0), journal.facts["warnings"], echo=shown.append)
    first.warn("known")
    first.warn(Notice("fast_dev_run"))
    first.note(pixel_mean=0.25)
    again = Minutes(whole.member(0), [], echo=shown.append)  # after a kill
    again.warn("late")
    with again.stage("train"):
        pass
    assert shown == ["known", str(Notice("fast_dev_run")), "late"]
    for _ in range(2):
        take_over(journal, whole.member(0))
    take_over(journal, whole.member(7))  # an earlier version left no minutes
    found = read_json(whole.environment)
    assert found["warnings"] == ["known", str(Notice("fast_dev_run")), "late"]
    assert [each["key"] for each in found["notices"]] == ["fast_dev_run"]
    assert found["pixel_mean"] == 0.25
    assert found["seconds"] == {}
