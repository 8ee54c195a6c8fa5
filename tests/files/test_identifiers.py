import pandas as pd
import pytest

from medcnn.files.identifiers import (
    alike,
    in_scientific_notation,
    is_placeholder_number,
    is_placeholder_word,
    plain_identifier,
    plain_identifiers,
)


@pytest.mark.each(
    "spelt",
    [
        "Ä1",
        " Ä1 ",
        "Ä1\u00a0",
        "\ufeffÄ1",
        "Ä\u200b1",
        "A\u03081",
        "Ä1\0",
        "\u202aÄ1\u202c",
        "Ä\uff11",
    ],
)
def test_what_cannot_be_seen_makes_no_difference(spelt):
    assert plain_identifier(spelt) == "Ä1"


def test_what_can_be_seen_does():
    names = ["007", "7", "q1", "Q1", "1.2.840.0", "1.05", "a b", "ab"]
    assert [plain_identifier(name) for name in names] == names
    assert plain_identifier("12.0") == "12"


def test_a_column_of_floats_is_one_of_numbers_and_words_for_nothing_are_missing():
    column = pd.Series([1.0, 2.0, None, "NA", "#N/A", " ", "x"], dtype=object)
    found = plain_identifiers(column)
    assert found.dropna().tolist() == ["1", "2", "x"]
    assert plain_identifiers(pd.Series(["a"], index=[7])).index.tolist() == [7]


def test_nobody_by_a_word_and_perhaps_by_a_number():
    words = ("Anonymous", "ANON^", "de-identified", "Unknown", "N/A")
    assert all(is_placeholder_word(word) for word in words)
    assert not any(is_placeholder_word(word) for word in ("ANON0017", "Annon", "0", "P1"))
    assert all(is_placeholder_number(word) for word in ("0", "00000", "9999", "XXXX", "1111"))
    assert not any(is_placeholder_number(word) for word in ("1", "12", "990", "XY"))


def test_identifiers_that_are_alike_are_counted():
    assert alike(["q1", "Q1", "p01", "p1", "30", "3"]) == (2, 2)
    assert in_scientific_notation(["1.23E+11", "1,2E+12", "12", "E12"]) == 2
