import re
from dataclasses import replace

import pytest

from medcnn.calibration.input_checks import STATISTICS
from medcnn.errors import UserError
from medcnn.evaluation.results import DiagnosisRow
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice
from medcnn.reporting.contents import read_run
from medcnn.reporting.sections import diagnosis_table
from medcnn.reporting.wording import Wording, catalogue

EN, DE = Wording("en"), Wording("de")


def test_both_languages_ask_for_the_same_facts():
    for key, entry in catalogue().items():
        wanted = [set(re.findall(r"\{(\w+)\}", text)) for text in entry.values()]
        assert wanted[0] == wanted[1], key


def test_numbers_are_written_as_the_language_writes_them():
    assert (EN.number(1234.5, 1), DE.number(1234.5, 1)) == ("1,234.5", "1.234,5")
    assert (EN.percent(0.9125), DE.percent(0.9125)) == ("91.2%", "91,2\u202f%")
    assert (EN.count(1000000), DE.count(1000000)) == ("1,000,000", "1.000.000")
    assert EN.number(-0.5) == "\u22120.500"
    assert [EN.significant(value) for value in (154.2, 23.44, 4.021)] == ["154", "23.4", "4.02"]


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_what_is_not_a_number_is_said_in_words(nothing):
    assert EN.number(nothing) == EN.percent(nothing) == EN.significant(nothing) == "not estimable"
    assert EN.p_value(nothing) == "–"


def test_differences_have_signs_and_no_dash_between_them():
    raw = Estimate(-0.034, (-0.1, 0.032), "")
    assert EN.difference(raw) == "\u22123.4 (\u221210.0 to +3.2)"
    assert DE.difference(raw, points=False) == "\u22120,034 (\u22120,100 bis +0,032)"
    assert EN.difference(Estimate(0.1, None, "")) == "+10.0"
    assert EN.difference(None) == "not estimable"


def test_methods_and_rules_are_named():
    assert EN.method("bootstrap-bca-clustered") == "bootstrap, BCa, by patient"
    assert EN.method("newcombe-paired-clustered") == "Newcombe score, paired, by patient"
    assert EN.method("delong-paired") == "DeLong, paired"
    assert EN.rule("cost:fn=5,fp=1") == "least cost (cost:fn=5,fp=1)"
    assert EN.rule("") == "unknown"
    assert EN.measure("no_such_measure") == "no such measure"
    assert (EN.p_value(0.0004), DE.p_value(0.0004)) == ("< 0.001", "< 0,001")


def test_an_unknown_language_is_refused():
    with pytest.raises(UserError, match="report language"):
        Wording("fr")


def test_a_recorded_text_is_marked_as_english_in_another_language_and_escaped():
    assert EN.verbatim("not <checked>") == "not <checked>"
    assert str(DE.verbatim("not <checked>")) == '<span lang="en">not &lt;checked&gt;</span>'


def test_what_was_recorded_in_english_is_told_in_the_language_of_the_report():
    assert None not in [Wording("de").recorded("reason", text) for text in STATISTICS.values()]
    assert Wording("de").recorded("reason", "is a cat") is None


def test_a_diagnosis_is_told_in_the_language_of_the_report(built_run):
    row = DiagnosisRow(
        finding=Notice("finding", name="good fit", severity="good"),
        meaning=Notice("doctor_good_fit"),
        evidence="0.372",
    )
    contents = read_run(built_run)
    contents = replace(contents, results=replace(contents.results, diagnosis=(row,)))
    table = diagnosis_table(contents, Wording("de"))
    assert table.rows[0][:2] == (
        "gute Anpassung (gut)",
        "Beide Kurven fielen, flachten ab und blieben nah beieinander.",
    )
