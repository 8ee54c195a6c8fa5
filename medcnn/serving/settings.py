"""The settings of a service."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from medcnn.calibration.settings import Safeguards
from medcnn.inference.settings import MOST_TOLERANCE, Inference, Predict
from medcnn.serving.address import Address, Peer, check_title, parse_address, parse_peer
from medcnn.settings.fields import inline, setting


def _http(text: str) -> str:
    parse_address(text)
    return text


def _peer(text: str, key: str) -> str:
    parse_peer(text, key)
    return text


def _callers(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(check_title(title, "callers") for title in titles)


@dataclass(frozen=True)
class Guards:
    """What stands between a door and the network that it opens to."""

    token_file: Path | None = setting(
        None, "a file with the token that HTTP asks for: Authorization: Bearer TOKEN; 0600"
    )
    tls_certificate: Path | None = setting(
        None, "PEM: the certificate of the service, and its chain"
    )
    tls_key: Path | None = setting(None, "PEM: its key, without a pass phrase")
    tls_clients: Path | None = setting(
        None, "PEM: who signs the certificates of clients, which both doors then ask for"
    )


@dataclass(frozen=True)
class Limits:
    """What a service takes at most."""

    queue: int = setting(64, "images under way; further ones: 503, or 0xA700", low=1, high=10_000)
    largest: int = setting(64, "MiB of one image", low=1, high=512)
    seconds: int = setting(60, "that reading one image may take", low=1, high=3600)
    num_workers: Literal["auto"] | int = setting(
        "auto", "processes that read images; auto: by the number of cores", low=1, high=64
    )

    @property
    def readers(self) -> int:
        """Processes that read images."""
        if self.num_workers != "auto":
            return self.num_workers
        return min(os.cpu_count() or 1, 8)


@dataclass(frozen=True)
class Serve:
    """``medcnn serve``: a run behind HTTP and DICOM."""

    run: tuple[str, ...] = setting((), "RUN_DIR, or [RUN_A,RUN_B,…] as one ensemble", required=True)
    http: str | None = setting(
        "127.0.0.1:8080", "HOST:PORT of HTTP; null: no such door", parse=_http
    )
    dicom: str | None = setting(
        None,
        "AET@HOST:PORT that takes CR and DX images; null: no such door",
        parse=partial(_peer, key="dicom"),
    )
    send_to: str | None = setting(
        None,
        "AET@HOST:PORT that the reports go to",
        parse=partial(_peer, key="send_to"),
    )
    callers: tuple[str, ...] = setting(
        (), "AE titles that may send; none: that of send_to", parse=_callers
    )
    spool: Path = setting(Path("spool"), "a folder of its own for what is under way; 0700")
    keep_identity: bool = setting(
        False, "true lets reports name their patients though the run hashes patients"
    )
    exact: bool = setting(
        False, "32 bit and the network as trained; false: BatchNorm folded, bf16 where native"
    )
    tolerance: float = setting(
        0.02,
        "by how much a probability may differ from the exact one; near the threshold all is exact",
        above=0,
        high=MOST_TOLERANCE,
    )
    guards: Guards = inline(Guards())
    limits: Limits = inline(Limits())
    inference: Inference = inline(Inference(batch_size=16))
    safeguards: Safeguards = inline(Safeguards())

    @property
    def address(self) -> Address | None:
        """Of HTTP."""
        return None if self.http is None else parse_address(self.http)

    @property
    def own(self) -> Peer | None:
        """Of DICOM."""
        return None if self.dicom is None else parse_peer(self.dicom, "dicom")

    @property
    def archive(self) -> Peer | None:
        """Where reports go."""
        return None if self.send_to is None else parse_peer(self.send_to, "send_to")

    @property
    def predict(self) -> Predict:
        """The same way of predicting, as the command for files is asked for it."""
        return Predict(
            run=self.run,
            exact=self.exact,
            tolerance=self.tolerance,
            inference=self.inference,
            safeguards=self.safeguards,
        )
