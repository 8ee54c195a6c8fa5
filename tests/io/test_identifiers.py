from __future__ import annotations

import subprocess

import pytest

from medcnn.errors import ConfigError
from medcnn.io.identifiers import VARIABLE, pseudonym, read_salt

SALT = "a salt of some length"


def test_a_pseudonym_is_openssls_hmac():
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", SALT],
        input=b"patient\x0012345",
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split()[-1].startswith(pseudonym("12345", SALT))


def test_it_depends_on_salt_kind_and_identifier_alone():
    assert pseudonym("12345", SALT) == pseudonym("12345", SALT)
    others = {
        pseudonym("12345", SALT, "study"),
        pseudonym("12345", SALT + "!"),
        pseudonym("12346", SALT),
    }
    assert len(others | {pseudonym("12345", SALT)}) == 4


def test_nobody_stays_nobody():
    assert pseudonym("", SALT) == ""


@pytest.mark.parametrize("salt", [None, "", "short"])
def test_a_missing_or_short_salt_is_refused(monkeypatch, salt):
    monkeypatch.delenv(VARIABLE, raising=False)
    if salt is not None:
        monkeypatch.setenv(VARIABLE, salt)
    with pytest.raises(ConfigError, match="at least 16 characters"):
        read_salt()


def test_the_salt_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv(VARIABLE, SALT)
    assert read_salt() == SALT
