"""Every layer of a network with its arithmetic: what it costs, and where time and memory go.

Multiply-adds are those of convolutions, linear layers and attention; torch's own counter sees them
in the pass itself. Activations are what the layers return, in float32, for one image: what training
keeps for the backward pass, times the batch. Layers that return their input or a view keep nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from medcnn.models.arithmetic import Field, size_working
from medcnn.models.fields import FieldMode, Fields, field_of, follow_module, mark, windows_of
from medcnn.models.stages import Backbone

FLOAT32_BYTES = 4


@dataclass
class Layer:
    """One layer of a network.

    Attributes:
        name: Its path in the network.
        kind: Its class.
        stage: The backbone's stage that it belongs to, ``pool`` and ``head`` after them.
        input: Shape of its input for one image, without the N.
        output: Shape of its output.
        working: How the height of the output follows from that of the input, for windows.
        parameters: Its own learnable numbers.
        multiply_adds: For one image.
        receptive_field: Pixels of the image, height and width, that one place depends on; ``image``:
            all; ``window``: attention within windows, for which none is given.
        activation_bytes: Of its output for one image in float32.
        milliseconds: For one image on this machine, or None where it was not measured.
    """

    name: str
    kind: str
    stage: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    working: str | None
    parameters: int
    multiply_adds: int
    receptive_field: tuple[int, int] | str | None
    activation_bytes: int
    milliseconds: float | None = None


@dataclass(frozen=True)
class Inventory:
    """The layers of a network in order of execution."""

    image: tuple[int, ...]
    layers: list[Layer]

    @property
    def parameters(self) -> int:
        """All learnable numbers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of one forward pass of one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Of one image in float32."""
        return sum(layer.activation_bytes for layer in self.layers)

    @property
    def milliseconds(self) -> float | None:
        """Of one forward pass of one image on this machine."""
        times = [layer.milliseconds for layer in self.layers if layer.milliseconds is not None]
        return sum(times) if times else None

    def to_json(self) -> dict[str, Any]:
        """Return totals and layers as plain values."""
        return {
            "image": list(self.image),
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "activation_bytes": self.activation_bytes,
            "milliseconds": self.milliseconds,
            "layers": [asdict(layer) for layer in self.layers],
        }


def take_inventory(
    network: nn.Module, image_CHW: Sequence[int], *, measure: bool = False
) -> Inventory:
    """Pass one random image through a network and note what every layer does with it.

    Args:
        network: In evaluation mode meanwhile.
        image_CHW: Shape of the image.
        measure: Whether the time of each layer is measured (the fastest of three passes).
    """
    image = torch.rand(1, *image_CHW)
    training = {module: module.training for module in network.modules()}
    network.eval()
    try:
        layers = _walk(network, image)
        if measure:
            _measure(network, image, layers)
    finally:
        for module, mode in training.items():
            module.training = mode
    rows = [
        layer
        for layer in layers.values()
        if layer.parameters or layer.multiply_adds or layer.activation_bytes
    ]
    return Inventory(tuple(image_CHW), rows)


def _walk(network: nn.Module, image: Tensor) -> dict[nn.Module, Layer]:
    """Return the layers in their order of execution; containers that do nothing are left out."""
    names, stages = _names(network), _stages(network)
    layers: dict[nn.Module, Layer] = {}
    counter = FlopCounterMode(display=False)
    spent: list[int] = []

    def enter() -> None:
        spent.append(counter.get_total_flops())

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        follow_module(module, inputs, output)
        before = spent.pop()
        own = counter.get_total_flops() - before
        # What is counted here is not counted again by the module around this one.
        spent[:] = [start + own for start in spent]
        # Attention returns its weights beside the tokens.
        main = output[0] if isinstance(output, tuple) else output
        is_leaf = next(module.children(), None) is None
        direct = next(module.parameters(recurse=False), None) is not None
        if (is_leaf or own or direct) and isinstance(main, Tensor):
            fresh = _describe(module, names[module], stages.get(module, "head"), inputs, main)
            fresh.multiply_adds = own // 2
            _add(layers, module, fresh)

    mark(image, (Field(), Field()))
    with (
        _hooked(names, enter, leave),
        sdpa_kernel(SDPBackend.MATH),
        FieldMode(),
        counter,
        torch.no_grad(),
        _plain_attention(),
    ):
        network(image)
    _count_parameters(network, layers)
    return layers


def _count_parameters(network: nn.Module, layers: dict[nn.Module, Layer]) -> None:
    """Give every parameter to one layer: its own, or the one around it that used it."""
    owners = {
        id(parameter): layer
        for module, layer in layers.items()
        for parameter in module.parameters(recurse=False)
    }
    for name, parameter in network.named_parameters():
        path = name.split(".")
        around = [network.get_submodule(".".join(path[:n])) for n in range(len(path) - 1, -1, -1)]
        layer = owners.get(id(parameter)) or next(layers[m] for m in around if m in layers)
        layer.parameters += parameter.numel()


def _add(layers: dict[nn.Module, Layer], module: nn.Module, fresh: Layer) -> None:
    """Add a layer, or the cost of another call to one that is shared."""
    if module in layers:
        layers[module].multiply_adds += fresh.multiply_adds
        layers[module].activation_bytes += fresh.activation_bytes
    else:
        layers[module] = fresh


def _describe(
    module: nn.Module, name: str, stage: str, inputs: tuple[Any, ...], output: Tensor
) -> Layer:
    image = next(value for value in inputs if isinstance(value, Tensor))
    keeps = output is image or output.data_ptr() == image.data_ptr()
    return Layer(
        name=name,
        kind=type(module).__name__,
        stage=stage,
        input=tuple(image.shape[1:]),
        output=tuple(output.shape[1:]),
        working=_working(module, image, output),
        parameters=0,
        multiply_adds=0,
        receptive_field=_plain_field(field_of(output)),
        activation_bytes=0 if keeps else output.numel() * FLOAT32_BYTES,
    )


def _working(module: nn.Module, image: Tensor, output: Tensor) -> str | None:
    """Return how the height follows, where zeros on either side are the only padding."""
    sliding = windows_of(module)
    if sliding is None or sliding.rows.places(image.shape[-2]) != output.shape[-2]:
        return None
    return size_working(image.shape[-2], sliding.rows)


def _plain_field(field: Fields | None) -> tuple[int, int] | str | None:
    return field if field is None or isinstance(field, str) else (field[0].size, field[1].size)


def _measure(network: nn.Module, image: Tensor, layers: dict[nn.Module, Layer]) -> None:
    started: list[float] = []
    found: dict[nn.Module, float] = {}

    def enter() -> None:
        started.append(time.perf_counter())

    def leave(module: nn.Module, *_: Any) -> None:
        own = time.perf_counter() - started.pop()
        started[:] = [start + own for start in started]
        found[module] = found.get(module, 0.0) + own

    with _hooked(_names(network), enter, leave), torch.no_grad():
        for _ in range(3):
            found.clear()
            network(image)
            for module, layer in layers.items():
                now = 1000 * found[module]
                layer.milliseconds = min(now, layer.milliseconds or now)


def _names(network: nn.Module) -> dict[nn.Module, str]:
    """Return the name of every module; those of the views only are named by their stage."""
    names = {
        module: name.removeprefix("backbone.body.") for name, module in network.named_modules()
    }
    backbone = _backbone(network)
    if backbone is not None:
        for stage, view in [*backbone.stages, ("pool", backbone.pool)]:
            for name, module in view.named_modules():
                names.setdefault(module, f"{stage}.{name}".strip("."))
    return names


def _stages(network: nn.Module) -> dict[nn.Module, str]:
    backbone = _backbone(network)
    if backbone is None:
        return {}
    parts = [*backbone.stages, ("pool", backbone.pool)]
    return {module: stage for stage, view in parts for module in view.modules()}


def _backbone(network: nn.Module) -> Backbone | None:
    return next((module for module in network.modules() if isinstance(module, Backbone)), None)


@contextmanager
def _hooked(
    modules: dict[nn.Module, str],
    enter: Callable[[], None],
    leave: Callable[..., None],
) -> Iterator[None]:
    handles = [module.register_forward_pre_hook(lambda *_: enter()) for module in modules]
    handles += [module.register_forward_hook(leave) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Keep torch's fused inference path of attention off: no counter sees inside it."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
