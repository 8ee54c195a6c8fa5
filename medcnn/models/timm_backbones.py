"""Any network of timm as a backbone: ``timm:NAME``.

timm's networks share ``forward_features`` and ``forward_head`` but no chain of stages. The chain of
their children is tried out on a random image: where it gives what ``forward_features`` gives, it is
the network's stages; else the whole is one stage, ``features``.
"""

from __future__ import annotations

import difflib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError, WeightsError, require_packages, unknown_name
from medcnn.models.stages import Backbone, Layout, Stage, chain
from medcnn.models.weights import TIMEOUT_S

_NESTED = ("stages", "blocks", "layers", "features")


def timm_backbone(name: str, *, image_size: int = 224) -> Backbone:
    """Return ``timm:NAME`` with random weights and one channel; the stem is timm's.

    Args:
        name: ``timm:`` and a name of ``timm.list_models()``.
        image_size: Pixels a side.

    Raises:
        ConfigError: If timm is not installed, has no such network, or it does not take the size.
    """
    body = _create(name, image_size, pretrained=False)
    image = torch.rand(1, 1, image_size, image_size)
    training = body.training
    body.eval()
    try:
        with torch.no_grad():
            stages, pool, hidden = _chain(body, image)
            feature_dim = pool(hidden).shape[1]
    except (RuntimeError, ValueError, AssertionError) as error:
        own = body.pretrained_cfg.get("input_size", (3, 224, 224))[-1]
        raise ConfigError(
            f"{name} does not take images of {image_size} pixels.",
            expected=f"images like those it was designed for, of {own} pixels",
            found=(str(error).splitlines() or [type(error).__name__])[0][:200],
            remedy=f"give data.image_size={own}",
        ) from error
    body.train(training)
    return Backbone(
        name,
        body,
        stages=stages,
        pool=pool,
        feature_dim=feature_dim,
        layout=_layout(hidden, body.num_features),
        prefix_tokens=getattr(body, "num_prefix_tokens", 0),
    )


def timm_state(name: str, image_size: int) -> tuple[dict[str, Tensor], str]:
    """Return timm's pretrained weights of ``timm:NAME``, and where timm has them from.

    Raises:
        WeightsError: If timm has none, or they are neither cached nor to be downloaded.
    """
    try:
        with _hub_asked_once():
            body = _create(name, image_size, pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"The weights of {name} cannot be had.",
            expected="weights in the cache of the Hugging Face hub, or a way to download them",
            found=(str(error).splitlines() or [type(error).__name__])[0][:200],
            remedy="fill the cache (HF_HOME) on a machine with a network, or train with "
            "model.weights=none",
        ) from error
    cfg = body.pretrained_cfg
    return body.state_dict(), str(cfg.get("hf_hub_id") or cfg.get("url"))


def _create(name: str, image_size: int, *, pretrained: bool) -> Any:
    require_packages(("timm",), "models", name)
    import timm

    wanted = name.partition(":")[2]
    if not timm.is_model(wanted.partition(".")[0]):
        alike = difflib.get_close_matches(wanted, timm.list_models(), n=5, cutoff=0.0)
        raise unknown_name("timm network", wanted, alike)
    options: dict[str, Any] = {"pretrained": pretrained, "in_chans": 1, "num_classes": 0}
    try:
        return timm.create_model(wanted, img_size=image_size, **options)
    except TypeError:  # a convolutional network takes any size, and no such argument
        return timm.create_model(wanted, **options)


@contextmanager
def _hub_asked_once() -> Iterator[None]:
    """Go by the cache alone where the hub is out of reach; its client would try for a minute."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    address = urlsplit(constants.ENDPOINT)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), TIMEOUT_S).close()
    except OSError:
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _chain(body: Any, image: Tensor) -> tuple[list[Stage], nn.Module, Tensor]:
    """Return stages, pooling, and what the last stage makes of the image."""
    expected = body.forward_features(image)
    if not isinstance(expected, Tensor):  # several maps, which the head joins: one stage, N×D
        return [("features", body)], nn.Flatten(1), body(image)
    units = _units(body, image)
    try:
        outputs = _run(units, image)
        proved = torch.allclose(outputs[-1], expected, rtol=1e-4, atol=1e-5)
    except (RuntimeError, TypeError, AttributeError, ValueError, IndexError):
        proved = False
    if not proved:
        return [("features", ForwardFeatures(body))], ForwardHead(body, ()), expected
    used = {id(p) for _, unit in units for p in unit.parameters()}
    rest = [p for p in body.parameters() if id(p) not in used]
    stages = _grouped(units, outputs, _layout(expected, body.num_features))
    return stages, ForwardHead(body, rest), expected


def _units(body: Any, image: Tensor) -> list[Stage]:
    """Return the children that ``forward_features`` calls, in its order, sequences opened."""
    order: list[nn.Module] = []
    children = dict(body.named_children())
    handles = [
        child.register_forward_pre_hook(lambda module, _: order.append(module))
        for child in _opened(children).values()
    ]
    body.forward_features(image)
    for handle in handles:
        handle.remove()
    names = {id(module): name for name, module in _opened(children).items()}
    units = [(names[id(module)], module) for module in order]
    if not hasattr(body, "_pos_embed"):
        return units
    inside = ("patch_embed", "pos_drop", "patch_drop", "norm_pre")
    return [("tokens", Tokens(body)), *(unit for unit in units if unit[0] not in inside)]


def _opened(children: dict[str, nn.Module]) -> dict[str, nn.Module]:
    opened: dict[str, nn.Module] = {}
    for name, child in children.items():
        if name in _NESTED and isinstance(child, nn.Sequential):
            opened |= {f"{name}_{inner}": module for inner, module in child.named_children()}
        else:
            opened[name] = child
    return opened


def _run(units: Sequence[Stage], image: Tensor) -> list[Tensor]:
    outputs = []
    hidden = image
    for _, module in units:
        hidden = module(hidden)
        outputs.append(hidden)
    return outputs


def _grouped(units: Sequence[Stage], outputs: Sequence[Tensor], layout: Layout) -> list[Stage]:
    """Group units into stages: a new one where the resolution falls, or at each block of tokens."""
    groups: list[dict[str, nn.Module]] = [{}]
    places = None
    for (name, module), output in zip(units, outputs, strict=True):
        now = output.shape[1:3] if layout == "NHWC" else output.shape[-2:]
        falls = places is not None and output.ndim == 4 and now.numel() < places.numel()
        if groups[-1] and (falls or (output.ndim == 3 and name.startswith(_NESTED))):
            groups.append({})
        groups[-1][name] = module
        places = now
    names = ["stem", *(f"layer{n}" for n in range(1, len(groups)))]
    return [(name, chain(**group)) for name, group in zip(names, groups, strict=True)]


def _layout(hidden: Tensor, channels: int) -> Layout:
    if hidden.ndim == 3:
        return "NTC"
    return "NCHW" if hidden.ndim == 2 or hidden.shape[1] == channels else "NHWC"


class Tokens(nn.Module):
    """The entrance of timm's vision transformers: image to tokens with positions."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self._body = (body,)
        self.patch_embed = body.patch_embed
        for name, parameter in body.named_parameters(recurse=False):
            self.register_parameter(name, parameter)

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the tokens N×T×C."""
        body = self._body[0]
        tokens: Tensor = body.norm_pre(
            body.patch_drop(body._pos_embed(body.patch_embed(image_N1HW)))
        )
        return tokens


class ForwardFeatures(nn.Module):
    """A timm network without its pooling, as one stage."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the last maps or tokens."""
        body: Any = self.body
        hidden: Tensor = body.forward_features(image_N1HW)
        return hidden


class ForwardHead(nn.Module):
    """The pooling of a timm network; its classifier is not there.

    Args:
        body: The network.
        own: Those of its parameters that no stage has.
    """

    def __init__(self, body: Any, own: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self._body = (body,)  # called and not registered: its parameters are those of the stages
        self.own = nn.ParameterList(own)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the features N×D."""
        features: Tensor = self._body[0].forward_head(hidden, pre_logits=True)
        return features.flatten(1)
