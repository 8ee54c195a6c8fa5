"""Addresses and titles, and which of them only this machine reaches."""

import pytest

from medcnn.errors import ConfigError
from medcnn.serving.address import parse_address, parse_peer


@pytest.mark.each(
    ("text", "local"),
    [
        ("127.0.0.1:80", True),
        ("127.9.9.9:80", True),
        ("[::1]:80", True),
        ("localhost:80", True),
        ("0.0.0.0:80", False),
        ("[::]:80", False),
        ("192.168.0.4:80", False),
        ("host.example:80", False),
        ("localhost.example:80", False),
    ],
)
def test_only_loopback_is_local(text, local):
    address = parse_address(text)
    assert address.is_local is local
    assert str(address) == text


@pytest.mark.each("text", ["", "8080", "host:", "host:99999", "::1:80", "a b:80", "x@y:80"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="says no address"):
        parse_address(text)


@pytest.mark.parametrize(
    "text", ["127.0.0.1:80", "@h:80", "   @h:80", "A" * 17 + "@h:80", "A\\B@h:80"]
)
def test_what_is_no_title_is_refused(text):
    with pytest.raises(ConfigError, match="says no DICOM application"):
        parse_peer(text, "dicom")
