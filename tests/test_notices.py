import copy
import json
import pickle
import warnings

import numpy as np
import pytest

from medcnn.errors import MedcnnWarning
from medcnn.notices import Notice, noticed, records, restored
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal


def test_a_notice_is_its_english_sentence():
    notice = Notice("no_case", name="normal", split="val")
    assert notice == "No normal case on val: every number that needs one is null."
    assert (notice.key, notice.severity) == ("no_case", "bad")
    assert {notice: 1} == {str(notice): 1}


def test_one_and_many_have_sentences_of_their_own():
    assert Notice("unreadable", n=1, names=["a"]) == "1 file is not readable: a."
    more = Notice("names_more", names=["a", "b", "c"], more=2)
    assert Notice("unreadable", n=5, names=more) == "5 files are not readable: a, b, c and 2 more."


def test_what_was_recorded_is_made_again_with_what_is_inside():
    reasons = [Notice("scores_weak", auroc=np.float64(0.512))]
    notice = Notice("prior_doubted_used", cases=4, value=0.5, low=0.1, high=0.9, reasons=reasons)
    record = json.loads(json.dumps(notice.record(), allow_nan=False))
    again = noticed(record["key"], record["facts"])
    assert again == notice and again.facts == notice.facts
    assert record["text"] == notice


def through_a_worker(each):
    return pickle.loads(pickle.dumps(each))  # noqa: S301  its own bytes


@pytest.mark.parametrize("copied", [copy.deepcopy, through_a_worker])
def test_a_notice_survives_workers_and_copies(copied):
    notice = Notice("unreadable", n=2, names=["a", "b"])
    again = copied(notice)
    assert (again, again.key, again.facts) == (notice, notice.key, notice.facts)


def test_texts_are_restored_to_notices_where_a_record_stands_beside_them():
    notice = Notice("lacking", column="entropy", missing=3)
    unknown = {"key": "of_a_later_version", "facts": {}, "text": "x"}
    unfit = {"key": "lacking", "facts": {}, "text": "y"}
    found = restored([str(notice), "plain"], [*records([notice, "plain"]), unknown, unfit])
    assert found == [notice, "plain"]
    assert isinstance(found[0], Notice) and not isinstance(found[1], Notice)


def test_the_journal_keeps_them_through_a_warning_and_a_resumption(tmp_path):
    run, notice = RunDir(tmp_path), Notice("unclipped")
    journal = Journal(run, seed=0)
    with journal.stage("train"):
        warnings.warn(notice, MedcnnWarning, stacklevel=1)
        warnings.warn("said elsewhere", MedcnnWarning, stacklevel=1)
    again = Journal(run, seed=0).facts["warnings"]
    assert again == [notice, "said elsewhere"]
    assert isinstance(again[0], Notice)
