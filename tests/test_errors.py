import errno
import importlib.util
import pickle

import pytest

from medcnn.errors import (
    AuditStop,
    ConfigError,
    ImageError,
    StorageError,
    UserError,
    nearest,
    require_pyarrow,
    unknown_name,
)


def test_an_error_composes_its_text_from_facts():
    error = ConfigError("It is wrong.", expected="a number", found="'x'", remedy="give one")
    assert str(error).splitlines() == [
        "It is wrong.",
        "  expected: a number",
        "  found: 'x'",
        "  what to do: give one",
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "", None), "A file cannot be written.\n  found: No space left"),
        (OSError(errno.EISDIR, "", ".a", None, "a"), "a: cannot be read or written."),
    ],
)
def test_what_the_operating_system_refuses_is_the_places_fault(error, words):
    assert str(StorageError.of(error)).startswith(words)


def test_other_errors_of_the_operating_system_may_be_medcnns():
    assert StorageError.of(FileNotFoundError(errno.ENOENT, "", "a")) is None
    assert StorageError.of(OSError("no number")) is None


def test_empty_facts_leave_no_line():
    assert str(UserError("It is wrong.")) == "It is wrong."


def test_exit_codes_follow_the_contract():
    assert ConfigError.exit_code == 2
    assert ImageError.exit_code == 2
    assert AuditStop.exit_code == 3


def test_an_error_survives_the_way_back_from_a_worker_process():
    error = ImageError("a.dcm", "it is cut off", kind="truncated", remedy="copy it again")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is ImageError
    assert str(again) == str(error)
    assert (again.kind, again.path) == ("truncated", "a.dcm")


@pytest.mark.parametrize(
    ("word", "guess"), [("resnte18", "resnet18"), ("densenet", "densenet121"), ("zzz", None)]
)
def test_nearest(word, guess):
    assert nearest(word, ["resnet18", "densenet121"]) == guess


def test_unknown_name_lists_the_choices_and_the_nearest():
    error = unknown_name("model", "resnte18", ["resnet18", "vgg16"])
    assert "one of resnet18, vgg16" in str(error)
    assert "did you mean 'resnet18'?" in str(error)


def test_parquet_without_pyarrow_is_refused_with_what_to_give_instead(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else 1)
    with pytest.raises(ConfigError, match="not installed") as caught:
        require_pyarrow("output=FILE.csv")
    assert "or give output=FILE.csv" in str(caught.value)
