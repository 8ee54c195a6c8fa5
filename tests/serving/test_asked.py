"""What is not safe, or not there, is refused before anything is opened."""

import importlib.util
from pathlib import Path

import pytest

from medcnn.calibration.settings import Safeguards
from medcnn.errors import ConfigError
from medcnn.serving.asked import check_serve, read_token
from medcnn.serving.settings import Guards, Serve
from medcnn.version import how_to_install

FILE = Path("file")
TLS = {"tls_certificate": FILE, "tls_key": FILE}
DICOM = {"http": None, "dicom": "A@127.0.0.1:1", "send_to": "B@127.0.0.1:2"}


@pytest.mark.each(
    ("options", "guards", "problem"),
    [
        ({"http": None}, {}, "There is no door"),
        ({"dicom": "A@127.0.0.1:1"}, {}, "goes out by DICOM"),
        ({"send_to": "A@127.0.0.1:1"}, {}, "goes out by DICOM"),
        ({"safeguards": Safeguards(prior_shift="em")}, {}, "needs all images"),
        ({"http": "0.0.0.0:80"}, {}, "without token_file and tls_certificate"),
        ({"http": "0.0.0.0:80"}, {"token_file": FILE}, "without tls_certificate"),
        ({"http": "0.0.0.0:80"}, TLS, "without token_file"),
        (DICOM | {"dicom": "A@0.0.0.0:1"}, TLS, "tls_clients"),
        ({}, {"tls_key": FILE}, "go together"),
        ({}, {"tls_clients": FILE}, "needs tls_certificate"),
    ],
)
def test_what_is_not_safe_is_refused(options, guards, problem):
    with pytest.raises(ConfigError, match=problem):
        check_serve(Serve(guards=Guards(**guards), **options))


def test_what_is_safe_is_not():
    check_serve(Serve())
    check_serve(Serve(**DICOM))
    check_serve(Serve(http="0.0.0.0:80", guards=Guards(token_file=FILE, **TLS)))
    check_serve(Serve(**DICOM | {"dicom": "A@host:1"}, guards=Guards(tls_clients=FILE, **TLS)))


@pytest.mark.parametrize(("package", "extra"), [("fastapi", "serve"), ("highdicom", "pacs")])
def test_a_missing_extra_is_named(package, extra, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )
    with pytest.raises(ConfigError, match=package) as caught:
        check_serve(Serve(**DICOM | {"http": "127.0.0.1:1"}))
    assert how_to_install(extra) in str(caught.value)


def test_a_token_is_long_and_nobody_elses(tmp_path):
    path = tmp_path / "token"
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        read_token(path)
    path.write_text("short")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="5 characters"):
        read_token(path)
    path.write_text("0123456789abcdef\n")
    assert read_token(path) == "0123456789abcdef"
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        read_token(path)
