"""Certificates: read, and tried on a handshake of their own before a door opens."""

from __future__ import annotations

import ssl
from pathlib import Path

from medcnn.errors import ConfigError

_NAME = "medcnn"


def server_context(certificate: Path, key: Path, clients: Path | None = None) -> ssl.SSLContext:
    """Return what a door needs to encrypt.

    Args:
        certificate: PEM.
        key: PEM.
        clients: Who signs the certificates that clients have to show; None: they show none.

    Raises:
        ConfigError: If a file cannot be used, or the certificate is out of its time.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a function OpenSSL would ask for a pass phrase on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise _refused("cannot be used", getattr(error, "reason", None) or str(error)) from error
    _check_time(certificate, key)
    return context


def client_context(authority: Path) -> ssl.SSLContext:
    """Return what checks a server by those who may sign its certificate."""
    return ssl.create_default_context(cafile=str(authority))


def _check_time(certificate: Path, key: Path) -> None:
    """Shake hands with oneself, trusting the certificate for itself: what is left is its time."""
    server, client = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    server.load_cert_chain(certificate, key, password=lambda: "")
    client.load_verify_locations(certificate)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=_NAME)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    done = 0
    while done < 2:
        done = 0
        for side in (asking, answering):
            try:
                side.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                raise _refused("is not valid", error.verify_message) from error
            except ssl.SSLError as error:
                raise _refused("cannot be used", error.reason) from error


def _refused(problem: str, found: str) -> ConfigError:
    return ConfigError(
        f"The certificate of the service {problem}.",
        expected="PEM files: tls_certificate within its time, its tls_key without a pass phrase",
        found=found,
        remedy="renew the certificate, or check the paths",
    )
