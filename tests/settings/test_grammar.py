import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from medcnn.settings.grammar import as_given, quoted, written


def read(argument):
    """Return the value that Hydra reads."""
    return OverridesParser.create().parse_override(as_given([argument])[0]).value()


@pytest.mark.each(
    "text",
    ["José", "my scans (1)", "O'Brien", "a&b", "a=1.png", "100%", "a#b", "a;b", "x!", 'say "x"',
     "<x>", "C:\\scans\\", "it's\\'", "f(1)", "sensitivity>0.95", "npv>=95%", "[x] 1.png (copy)"],
)  # fmt: skip
def test_a_value_that_the_shell_passed_whole_is_that_value(text):
    assert read(f"input=/scans/{text}") == f"/scans/{text}"
    assert read(f"input={quoted(text)}") == text


def test_a_tilde_is_the_home_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/José")
    assert read("data.root=~/cxr") == read("data.root='~/cxr'") == "/home/José/cxr"
    assert read("run=[~/a,b]") == ["/home/José/a", "b"]


def test_items_of_a_list_are_quoted_one_by_one():
    given = "abnormal=[Lung Opacity (Non-COVID), 'Viral, bacterial',Pneumonía,O'Brien's disease,1]"
    assert read(given) == [
        "Lung Opacity (Non-COVID)",
        "Viral, bacterial",
        "Pneumonía",
        "O'Brien's disease",
        1,
    ]


@pytest.mark.each(
    "text",
    ["seed=1", "optimizer.lr=1e-3", "a={b: 1}", "a=[1,2]", "a=null", "seed=1,2", "a='x y'",
     "+a=1", "~logger", "word", "a=", "a=range(1,3)"],
)  # fmt: skip
def test_what_hydra_reads_is_left_alone(text):
    assert as_given([text]) == [text]


@pytest.mark.parametrize("text", ["a=[1", "a={b", "a=${b"])
def test_a_bracket_without_its_fellow_is_no_text_unless_it_is_a_path(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_given([text]) == [text]
    (tmp_path / text[2:]).touch()
    assert read(text) == text[2:]


def test_a_comma_in_the_name_of_a_path_parts_nothing(tmp_path):
    (tmp_path / "a,b.png").touch()
    assert read(f"input={tmp_path}/a,b.png") == f"{tmp_path}/a,b.png"


def test_commas_of_a_multirun_part_its_values(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    assert as_given(["data.root=~/a,/José"], several=True) == ["data.root=/h/a,'/José'"]


@pytest.mark.each(
    "value",
    ["x", "it's", "a b", "1", "null", "", ["Viral, bacterial", "O'Brien [1]", "x"], 0.5, True, None],
)  # fmt: skip
def test_what_is_printed_can_be_pasted(value):
    (argument,) = shlex.split(written("key", value))
    assert read(argument) == value


def test_where_a_threshold_is_fitted_may_be_written_as_if_below_it():
    assert as_given(["threshold.on=out_of_source", "threshold=sensitivity>=0.95"]) == [
        "threshold_on=out_of_source",
        "threshold='sensitivity>=0.95'",
    ]
