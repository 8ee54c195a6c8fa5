from medcnn.reporting.details import cell, describe, is_estimate
from medcnn.reporting.wording import Wording

EN = Wording("en")
SHARE = {"value": 0.5, "ci": [0.25, 0.75], "method": "wilson"}


def test_facts_tables_and_deeper_parts_each_find_a_place():
    raw = {
        "rule": "10%",
        "met": True,
        "nothing": None,
        "share": SHARE,
        "groups": [{"group": "F", "n": 1200, "p_value": 0.0001}, {"group": "M", "more": 1}],
        "confusion": {"tp": 3},
    }
    first, table, deeper = describe("Referral", raw, EN)
    assert first.facts == (
        ("Rule", "10%"),
        ("Target met", "yes"),
        ("Share of the cases", "50.0\u202f% (25.0\u202f% – 75.0\u202f%)"),
    )
    assert table.title == "Referral · groups"
    assert table.header == ("Group", "Cases", "p value", "more")
    assert table.rows == (("F", "1,200", "< 0.001", ""), ("M", "", "", "1"))
    assert (deeper.title, deeper.facts) == ("Referral · Confusion", (("True positive", "3"),))


def test_a_long_curve_is_named_and_not_printed():
    (block,) = describe("Curve", [{"x": k} for k in range(101)], EN)
    assert block.rows == ()
    assert "101" in block.note


def test_lists_of_words_and_empty_things():
    assert describe("Reasons", ["a", "b"], EN)[0].facts == (("Reasons", "a, b"),)
    assert describe("Nothing", None, EN) == describe("Nothing", [], EN) == []
    assert cell("n", None, EN) == ""
    assert is_estimate(SHARE)
    assert not is_estimate({"value": 1})
