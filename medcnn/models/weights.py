"""Pretrained weights: where they come from, and what is said when they cannot be had."""

from __future__ import annotations

import json
import re
import socket
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

import torch
import torchvision
from torch import Tensor, nn

from medcnn.errors import MedcnnWarning, WeightsError, require_packages
from medcnn.files.arrays import ARCHIVE_ERRORS
from medcnn.files.hashing import sha256_of
from medcnn.files.records import Saved
from medcnn.models.wrapping import Unwrapped, contained
from medcnn.notices import Notice

TIMEOUT_S = 5.0
SAFE = ".safetensors"
NOTED = "medcnn"
"""The key of a safetensors file's metadata under which medcnn notes what it knows of them, as JSON."""

_CLAIM = re.compile(r"-([0-9a-f]{8,})\.")
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d*")


@dataclass(frozen=True)
class WeightsOrigin(Saved):
    """Where a network's weights come from; the report shows it.

    Attributes:
        requested: ``auto``, ``pretrained``, ``imagenet``, ``none`` or a path.
        loaded: ``imagenet``, ``chest`` (TorchXRayVision's), ``random`` or ``file``.
        source: The file that was read.
        sha256: Its hash.
        missing: Keys of the network that the file lacks.
        unexpected: Keys of the file that the network lacks.
        warnings: What the user did not ask for.
    """

    requested: str
    loaded: str
    source: str | None = None
    sha256: str | None = None
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def imagenet_state(name: str) -> tuple[dict[str, Tensor], Path]:
    """Return torchvision's ImageNet weights of a backbone, and the file they lie in.

    The file is taken from torch's hub cache, or downloaded into it; its name carries the start of
    its SHA-256, which is checked.

    Raises:
        WeightsError: If the file is neither cached nor to be downloaded, or is damaged.
    """
    url: str = torchvision.models.get_model_weights(name).DEFAULT.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    fetch(url, path, name)
    return read_state(path), path


def fetch(url: str, path: Path, name: str) -> None:
    """Download a weights file unless it is there, and check the hash in its name.

    Args:
        url: Where the file is published.
        path: Where the library of origin looks for it.
        name: Of the backbone, for the message.

    Raises:
        WeightsError: If the file cannot be had, or its SHA-256 does not begin as its name says.
    """
    if not path.is_file():
        _download(url, path, name)
    checked_hash(path)


def checked_hash(path: Path) -> str:
    """Return the SHA-256 of a file, which may carry the start of it in its name as torch's do.

    Raises:
        WeightsError: If the name says another one. A date in the name (``net-20240131.pt``) is none.
    """
    found, claim = sha256_of(path), _CLAIM.search(path.name)
    if claim and not found.startswith(claim[1]) and not _DATE.fullmatch(claim[1]):
        raise WeightsError(
            f"The weights {path} are damaged.",
            expected=f"a SHA-256 that begins with {claim[1]}, as the name says",
            found=found[:16],
            remedy="delete the file and fetch it again; rename it if it is your own",
        )
    return found


def read_state(path: Path, *, classes: Sequence[Any] = ()) -> dict[str, Tensor]:
    """Return the tensors of ``read_wrapped``, wherever in the file they stand."""
    return read_wrapped(path, classes=classes).state


def read_wrapped(path: Path, *, classes: Sequence[Any] = ()) -> Unwrapped:
    """Return the tensors in a weights file or checkpoint, without running any code in it.

    Args:
        path: The file.
        classes: Layer classes that a pickled module in it may consist of; none but these are made.

    Raises:
        WeightsError: If there is no such file or it holds more than tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(
            f"There are no weights at {path}.",
            expected="a state_dict file, a checkpoint or a run directory",
            remedy="check model.weights",
        )
    if path.suffix == SAFE:
        content: Any = read_tensors(path)
    else:
        with torch.serialization.safe_globals(list(classes)):
            content = read_plain(path)
    if isinstance(content, nn.Module):
        content = _state_of(content)
    found = contained(content)
    if not found.state:
        raise unreadable(path, f"{type(content).__name__} without a tensor")
    return found


def read_plain(path: Path) -> Any:
    """Return what torch saved in a file, as far as that is tensors and plain values.

    Raises:
        WeightsError: If it is anything else, or not whole.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except ARCHIVE_ERRORS as error:
        # Torch's own message advises to run the code in the file.
        code = re.search(r"GLOBAL (\S+)", str(error))
        raise unreadable(path, f"an object of {code[1]}" if code else first_line(error)) from error


def read_tensors(path: Path) -> dict[str, Any]:
    """Return the tensors of a safetensors file as ``state_dict``, beside what medcnn noted in it.

    Raises:
        ConfigError: If safetensors is not installed.
        WeightsError: If the file is damaged.
    """
    require_packages(("safetensors",), "export", str(path))
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            noted = json.loads((stream.metadata() or {}).get(NOTED, "{}"))
            state = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118  no dict
    except (SafetensorError, OSError, ValueError) as error:
        raise unreadable(path, first_line(error)) from error
    return {**(noted if isinstance(noted, dict) else {}), "state_dict": state}


def unreadable(path: Path, found: str) -> WeightsError:
    """Return the error of a file that holds ``found`` instead of tensors."""
    return WeightsError(
        f"The weights {path} cannot be read.",
        expected="tensors and plain values, as a state_dict or a checkpoint holds them",
        found=found,
        remedy="take another file, or save the state_dict alone; medcnn does not unpickle code",
    )


def first_line(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def load_matching(
    network: nn.Module, state: Mapping[str, Tensor], origin: WeightsOrigin
) -> WeightsOrigin:
    """Load the tensors that fit and return the origin with the keys that did not.

    Raises:
        WeightsError: If most tensors of the file do not fit and most of the network's are not in it:
            the few that agree are then those of another network that happen to have the same name.
    """
    own = network.state_dict()
    fitting = {key: value for key, value in state.items() if key in own}
    fitting = {key: value for key, value in fitting.items() if value.shape == own[key].shape}
    if 2 * len(fitting) < min(len(own), len(state)) or not fitting:
        raise WeightsError(
            f"The tensors in {origin.source} are those of another network.",
            expected=", ".join(list(own)[:3]) + f", … ({len(own)} tensors)",
            found=", ".join(list(state)[:3]) + f", … ({len(state)}, of which {len(fitting)} fit)",
            remedy="choose the model that the weights were trained for",
        )
    network.load_state_dict(fitting, strict=False)
    missing = tuple(sorted(set(own) - set(fitting)))
    unexpected = tuple(sorted(set(state) - set(fitting)))
    said = tuple(
        Notice(key, source=origin.source, count=len(keys), first=keys[0])
        for key, keys in (("tensors_missing", missing), ("tensors_unexpected", unexpected))
        if keys
    )
    return replace(
        origin, missing=missing, unexpected=unexpected, warnings=(*origin.warnings, *said)
    )


def fall_back(name: str, reason: WeightsError) -> WeightsOrigin:
    """Return the origin of random weights after ``auto`` found none, and warn of it."""
    text = Notice("random_weights", network=name, reason=reason.found or reason.problem)
    warnings.warn(text, MedcnnWarning, stacklevel=2)
    return WeightsOrigin("auto", "random", warnings=(text,))


def _state_of(module: nn.Module) -> dict[str, Tensor]:
    for part in module.modules():
        # Modules pickled before torch 1.6 lack the attribute (pytorch issue 42242).
        part.__dict__.setdefault("_non_persistent_buffers_set", set())
    return dict(module.state_dict())


def _download(url: str, path: Path, name: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _short_timeout():
            torch.hub.download_url_to_file(url, str(path), progress=False)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"The weights of {name} cannot be had.",
            expected=f"the file {path.name} in {path.parent}, or a way to download it",
            found=_why(error, url),
            remedy="copy the file there from a machine with a network, or train with "
            "model.weights=none",
        ) from error


def _why(error: Exception, url: str) -> Notice:
    """Return why a download failed, in words for who has never seen an exception of urllib."""
    host = urlsplit(url).hostname or url
    if isinstance(error, URLError) and not isinstance(error, HTTPError):
        return Notice("no_network", host=host)
    return Notice("download_failed", host=host, what=str(error))


@contextmanager
def _short_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
