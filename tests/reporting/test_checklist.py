import re

from medcnn.predictions import read_predictions
from medcnn.reporting.checklist import checklist
from medcnn.reporting.contents import from_predictions, read_run
from medcnn.reporting.wording import Wording

EN = Wording("en")
# TRIPOD+AI numbers (BMJ 385, 2024) of its 27 items with their letters.
TRIPOD = {
    "1", "2", *(f"3{k}" for k in "abc"), "4", "5a", "5b", *(f"6{k}" for k in "abc"), "7",
    *(f"8{k}" for k in "abc"), *(f"9{k}" for k in "abc"), "10", "11",
    *(f"12{k}" for k in "abcdefg"), *map(str, range(13, 18)), *(f"18{k}" for k in "abcdef"),
    "19", *(f"20{k}" for k in "abc"), "21", "22", "23a", "23b", "24", "25", "26",
    *(f"27{k}" for k in "abc"),
}  # fmt: skip
STARD_LETTERS = {"10": "ab", "12": "ab", "13": "ab", "21": "ab"}
STARD = {f"{n}{k}" for n in range(1, 31) for k in STARD_LETTERS.get(str(n), [""])}


def numbers(text):
    found = set()
    for part in text.replace(" ", "").split(","):
        letters = re.fullmatch(r"(\d+)([a-z])–([a-z])", part)
        if letters:
            first, last = map(ord, letters.group(2, 3))
            found |= {f"{letters[1]}{chr(code)}" for code in range(first, last + 1)}
        elif part != "–":
            found.add(part)
    return found


def test_claim_is_complete_and_the_other_numbers_exist(built_run):
    items = checklist(read_run(built_run), EN)
    claim = [item.claim for item in items if item.claim != "–"]
    assert claim == [str(number) for number in range(1, 45)]
    assert set().union(*(numbers(item.tripod) for item in items)) <= TRIPOD
    assert set().union(*(numbers(item.stard) for item in items)) <= STARD


def test_a_run_answers_what_it_knows_and_leaves_the_rest_open(built_run):
    items = {item.claim: item for item in checklist(read_run(built_run), EN) if item.claim != "–"}
    assert items["7"].answer == "phantom"
    assert "training" in items["19"].answer
    assert items["20"].answer == "By patient: no patient is in two splits."
    assert "2 unreadable" in items["12"].answer
    for number in ("1", "8", "33", "34", "40", "44"):
        assert items[number].is_open


def test_bare_predictions_claim_nothing_about_data_or_training(built_run):
    table = read_predictions(built_run.predictions("test"))
    bare = from_predictions(table, read_run(built_run).results, "x")
    items = {item.claim: item for item in checklist(bare, EN) if item.claim != "–"}
    for number in ("7", "19", "20", "22", "25", "32"):
        assert items[number].is_open
    assert not items["37"].is_open


def test_patients_in_two_splits_are_confessed(built_run):
    contents = read_run(built_run)
    contents.audit["cross_split_patients"] = 3
    items = {item.claim: item.answer for item in checklist(contents, EN)}
    assert items["20"].startswith("Not by patient: 3 patients")
