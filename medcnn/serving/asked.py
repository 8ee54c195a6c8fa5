"""Whether a service may open what it is asked to open, before anything else is done."""

from __future__ import annotations

import stat
from pathlib import Path

from medcnn.errors import ConfigError, require_packages
from medcnn.serving.settings import Serve

_HTTP = ("fastapi", "uvicorn", "prometheus_client")
_DICOM = ("pynetdicom", "prometheus_client")
SHORTEST_TOKEN = 16


def check_serve(asked: Serve) -> None:
    """Refuse doors that cannot be opened, or not safely.

    Raises:
        ConfigError: Naming what is missing.
    """
    if asked.http is None and asked.dicom is None:
        raise ConfigError("There is no door.", expected="http=HOST:PORT or dicom=AET@HOST:PORT")
    require_packages(_HTTP if asked.http is not None else (), "serve", "http=")
    if asked.dicom is not None:
        require_packages(_DICOM, "serve", "dicom=")
        require_packages(["highdicom"], "pacs", "dicom=")
    _check_dicom(asked)
    _check_shift(asked)
    _check_network(asked)


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        ConfigError: If it is too short, or others may read it.
    """
    try:
        token = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _no_token(path, type(error).__name__) from error
    if len(token) < SHORTEST_TOKEN or any(letter.isspace() for letter in token):
        raise _no_token(path, f"{len(token)} characters")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _no_token(path, f"a file that others may read ({stat.filemode(mode)})")
    return token


def _no_token(path: Path, found: str) -> ConfigError:
    return ConfigError(
        f"{path} holds no token.",
        expected=f"one word of at least {SHORTEST_TOKEN} characters in a file of mode 0600",
        found=found,
        remedy=f"(umask 077; openssl rand -hex 32 > {path})",
    )


def _check_dicom(asked: Serve) -> None:
    if (asked.dicom is None) != (asked.send_to is None):
        raise ConfigError(
            "What comes in by DICOM goes out by DICOM.",
            expected="dicom=AET@HOST:PORT and send_to=AET@HOST:PORT, or neither",
            found=f"dicom={asked.dicom} send_to={asked.send_to}",
        )


def _check_shift(asked: Serve) -> None:
    shift = asked.safeguards.prior_shift
    if isinstance(shift, str):
        raise ConfigError(
            f"prior_shift={shift} needs all images, and a service never has them.",
            expected="prior_shift=null, or the prevalence as a number",
            found=f"prior_shift={shift}",
        )


def _check_network(asked: Serve) -> None:
    guards = asked.guards
    if (guards.tls_certificate is None) != (guards.tls_key is None):
        raise ConfigError("A certificate and its key go together: tls_certificate and tls_key.")
    if guards.tls_clients is not None and guards.tls_certificate is None:
        raise ConfigError("tls_clients needs tls_certificate and tls_key.")
    if asked.address is not None and not asked.address.is_local:
        missing = [
            name
            for name, given in (
                ("token_file", guards.token_file),
                ("tls_certificate", guards.tls_certificate),
            )
            if given is None
        ]
        _refuse_open(f"http={asked.http}", missing)
    if asked.own is not None and not asked.own.address.is_local:
        # DICOM knows no token: who may send is told by certificates.
        missing = [] if guards.tls_clients is not None else ["tls_certificate", "tls_clients"]
        _refuse_open(f"dicom={asked.dicom}", missing)


def _refuse_open(door: str, missing: list[str]) -> None:
    if missing:
        raise ConfigError(
            f"{door} is open to the network without {' and '.join(missing)}.",
            expected="a token and TLS for HTTP, certificates of both sides for DICOM, "
            "wherever more than this machine can connect",
            found=door,
            remedy=f"give {' '.join(f'{name}=FILE' for name in missing)}, or an address of 127.0.0.1",
        )
