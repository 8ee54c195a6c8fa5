"""The published weights of a backbone, from whichever library it comes."""

from __future__ import annotations

from torch import Tensor

from medcnn.files.hashing import sha256_of
from medcnn.models.chest_backbones import chest_state
from medcnn.models.names import check_published, family_of
from medcnn.models.timm_backbones import timm_state
from medcnn.models.weights import WeightsOrigin, imagenet_state


def published_weights(
    name: str, wanted: str, image_size: int
) -> tuple[dict[str, Tensor], WeightsOrigin]:
    """Return what the library of a backbone publishes for it, by its names, and where it is from.

    Args:
        name: Of the backbone.
        wanted: ``auto``, ``pretrained`` (whatever the library has) or ``imagenet``.
        image_size: Pixels a side, for networks whose weights depend on it.

    Raises:
        WeightsError: If there are none, or they cannot be had.
    """
    check_published(name, wanted)
    family = family_of(name)
    if family == "timm":
        state, source = timm_state(name, image_size)
        return state, WeightsOrigin(wanted, "imagenet", source)
    state, path = chest_state(name) if family == "xrv" else imagenet_state(name)
    kind = "chest" if family == "xrv" else "imagenet"
    return state, WeightsOrigin(wanted, kind, str(path), sha256_of(path))
