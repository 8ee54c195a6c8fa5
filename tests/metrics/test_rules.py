import pytest

from medcnn.errors import ConfigError
from medcnn.metrics.rules import parse_rule


@pytest.mark.each(
    ("text", "kind", "canonical"),
    [
        ("youden", "youden", "youden"),
        (" Closest_Corner ", "closest_corner", "closest_corner"),
        ("sensitivity >= 0.95", "sensitivity", "sensitivity>=0.95"),
        ("npv≥0.99", "npv", "npv>=0.99"),
        ("sensitivity>0.95", "sensitivity", "sensitivity>=0.95"),
        ("Sensitivity >= 95 %", "sensitivity", "sensitivity>=0.95"),
        ("specificity=>97.5%", "specificity", "specificity>=0.975"),
        ("sensitivity == 0.93", "sensitivity", "sensitivity==0.93"),
        ("cost: fp=1, fn=5", "cost", "cost:fn=5,fp=1"),
        (0.3, "fixed", "0.3"),
        ("0.30", "fixed", "0.3"),
        (1, "fixed", "1"),
    ],
)
def test_reads_what_a_user_writes(text, kind, canonical):
    rule = parse_rule(text)
    assert (rule.kind, rule.text) == (kind, canonical)
    assert parse_rule(rule.text) == rule


@pytest.mark.each(
    ("text", "message"),
    [
        ("yuoden", "did you mean 'youden'"),
        ("sensitivty>=0.9", "did you mean 'sensitivity'"),
        ("sensitivity>=95", "outside \\[0, 1\\]"),
        ("1.5", "outside \\[0, 1\\]"),
        ("sensitivity<=0.9", "cannot be read"),
        ("npv==0.9", "cannot be read"),
        ("sensitivity==2", "outside \\[0, 1\\]"),
        ("sensitivity>=high", "cannot be read"),
        ("cost:fn=5", "cannot be read"),
        ("cost:fn=-1,fp=1", "cannot be read"),
        (True, "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_refuses_what_cannot_be_a_rule(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_rule(text)


def test_a_rule_that_the_shell_cut_is_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="lacks its number: a shell takes an unquoted >") as cut:
        parse_rule("sensitivity")
    assert "'threshold=sensitivity>=0.95'" in cut.value.expected
    (tmp_path / "=0.95").touch()
    with pytest.raises(ConfigError, match=r"delete the file '=0\.95'"):
        parse_rule("sensitivity")
