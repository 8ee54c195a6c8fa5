"""Where a door is, and whether only this machine can reach it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from medcnn.errors import ConfigError

_TITLE = re.compile(r"[ -\[\]-~]{1,16}")  # PS3.5 6.2: no backslash, no control characters


@dataclass(frozen=True)
class Address:
    """A host and a port."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Peer:
    """A DICOM application: its title and its address."""

    title: str
    address: Address

    def __str__(self) -> str:
        return f"{self.title}@{self.address}"


def parse_address(text: str, key: str = "http") -> Address:
    """Return the address that a text says.

    Raises:
        ConfigError: If it says none.

    >>> parse_address("[::1]:8080")
    Address(host='::1', port=8080)
    """
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:@\s]+)):(\d{1,5})", text)
    if found is None or not 0 <= int(found[3]) < 2**16:
        raise ConfigError(
            f"{key} says no address.",
            expected="HOST:PORT, such as 127.0.0.1:8080",
            found=text,
        )
    return Address(found[1] or found[2], int(found[3]))


def parse_peer(text: str, key: str) -> Peer:
    """Return the DICOM application that a text says.

    Raises:
        ConfigError: If it says none.

    >>> str(parse_peer("MEDCNN@127.0.0.1:11112", "dicom"))
    'MEDCNN@127.0.0.1:11112'
    """
    title, at, address = text.rpartition("@")
    return Peer(check_title(title if at else "", key, text), parse_address(address, key))


def check_title(title: str, key: str, text: str = "") -> str:
    """Return an application entity title that DICOM can hold.

    Raises:
        ConfigError: If it is none.
    """
    if not _TITLE.fullmatch(title) or not title.strip():
        raise ConfigError(
            f"{key} says no DICOM application.",
            expected="a title of 1 to 16 characters, then @HOST:PORT: MEDCNN@127.0.0.1:11112",
            found=text or title or "nothing",
        )
    return title.strip()
