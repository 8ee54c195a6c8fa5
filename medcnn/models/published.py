"""The published weights of a backbone, from whichever library it comes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from medcnn.errors import WeightsError
from medcnn.files.hashing import sha256_of
from medcnn.models.chest_backbones import chest_state
from medcnn.models.names import CUSTOM, family_of
from medcnn.models.timm_backbones import timm_state
from medcnn.models.weights import imagenet_state


@dataclass(frozen=True)
class Published:
    """Weights as a library publishes them.

    Attributes:
        state: Tensors by the library's names.
        kind: ``imagenet`` or ``chest``: what they were trained on.
        source: The file, or the repository where the library keeps several.
        sha256: Of the file, where there is one.
    """

    state: dict[str, Tensor]
    kind: str
    source: str
    sha256: str | None


def published_weights(name: str, wanted: str, image_size: int) -> Published:
    """Return what the library of a backbone publishes for it.

    Args:
        name: Of the backbone.
        wanted: ``auto``, ``pretrained`` (whatever the library has) or ``imagenet``.
        image_size: Pixels a side, for networks whose weights depend on it.

    Raises:
        WeightsError: If there are none, or they cannot be had.
    """
    family = family_of(name)
    if family in ("own", CUSTOM) or (family == "xrv" and wanted == "imagenet"):
        raise WeightsError(
            f"There are no {'ImageNet ' if family == 'xrv' else ''}weights of {name} to be had.",
            expected="a backbone whose library publishes such weights",
            found="weights of chest X-rays" if family == "xrv" else "no published weights",
            remedy="give model.weights=pretrained"
            if family == "xrv"
            else "give model.weights=none",
        )
    if family == "timm":
        state, source = timm_state(name, image_size)
        return Published(state, "imagenet", source, None)
    state, path = chest_state(name) if family == "xrv" else imagenet_state(name)
    kind = "chest" if family == "xrv" else "imagenet"
    return Published(state, kind, str(path), sha256_of(path))
