from dataclasses import replace

import numpy as np
import pytest

from medcnn.reporting.cases import MAX_THUMBNAILS, doubt_measure, list_cases, wrong_decisions
from medcnn.reporting.contents import read_run
from medcnn.reporting.thumbnails import Thumbnails


def grey(path):
    return np.full((32, 24), 0.5, dtype=np.float32)


def test_errors_come_first_and_the_worst_of_them_on_top(built_run):
    contents = read_run(built_run)
    found = list_cases(contents, Thumbnails(grey))
    wrong = int(wrong_decisions(contents).sum())
    outcomes = [case.outcome in ("fp", "fn") for case in found.rows]
    assert outcomes == [True] * wrong + [False] * (len(contents.cases) - wrong)
    errors = [abs(case.score - case.label) for case in found.rows[:wrong]]
    assert errors == sorted(errors, reverse=True)
    assert found.total == len(contents.cases)
    assert found.pictured == min(MAX_THUMBNAILS, found.total)
    assert found.doubt == "mutual_information"
    doubts = [case.doubt for case in found.unsure]
    assert doubts == sorted(doubts, reverse=True)


def test_without_a_measure_of_doubt_nearness_to_the_threshold_ranks(built_run):
    contents = read_run(built_run)
    columns = ["entropy", "expected_entropy", "mutual_information", "std"]
    contents = replace(contents, cases=contents.cases.drop(columns=columns))
    assert doubt_measure(contents.cases) is None
    found = list_cases(contents, Thumbnails(grey))
    away = [abs(case.score - 0.41) for case in found.unsure]
    assert away == sorted(away)
    assert found.doubt == "distance"


def test_a_score_on_the_threshold_is_called_abnormal(built_run):
    contents = read_run(built_run)
    contents.cases.loc[0, ["p_abnormal", "label"]] = [0.41, 0]
    assert bool(wrong_decisions(contents)[0])
    assert contents.threshold == pytest.approx(0.41)
