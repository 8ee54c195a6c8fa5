"""Receptive fields of any network, branches included, carried along with the tensors of a pass.

Every tensor remembers the field of its places. Windows widen it, branches that meet take the larger,
a flattening or a global mean makes it the whole image. Squeeze-and-excitation is left out: its
gates see the whole image, and with them every field would be that.

Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, Distill 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from medcnn.layers.windows import Windows, pair, windows
from medcnn.models.arithmetic import Field

Fields = tuple[Field, Field] | Literal["image", "window"]
"""Of height and width; ``image``: everything; ``window``: by attention within windows, not said."""

_ATTRIBUTE = "_receptive_field"
_WHOLE = {
    F.scaled_dot_product_attention,
    F.multi_head_attention_forward,
    torch.flatten,
    Tensor.flatten,
}
_MEANS = {
    torch.mean,
    Tensor.mean,
    torch.amax,
    Tensor.amax,
    F.adaptive_avg_pool2d,
    F.adaptive_max_pool2d,
}
_PRODUCTS = {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm}


class FieldMode(TorchFunctionMode):
    """Carries the fields through torch's functions while it is active."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function and mark what it returns."""
        result = func(*args, **(kwargs or {}))
        known = [field for field in map(field_of, _tensors((args, kwargs))) if field is not None]
        if known:
            field = _through(func, known, args, kwargs or {}, result)
            for tensor in _tensors(result):
                mark(tensor, field)
        return result


def mark(tensor: Tensor, field: Fields) -> None:
    """Note the field of a tensor's places."""
    setattr(tensor, _ATTRIBUTE, field)


def field_of(tensor: Tensor) -> Fields | None:
    """Return the field of a tensor's places, or None for what does not come from the image."""
    return getattr(tensor, _ATTRIBUTE, None)


def follow_module(module: nn.Module, inputs: Sequence[Any], output: Any) -> None:
    """Mark what a module returned, where its kind says more than the functions that it called.

    This is so for single layers, whose autograd functions may be their own, and for
    squeeze-and-excitation.
    """
    known = [field for field in map(field_of, _tensors(inputs)) if field is not None]
    if not known or not isinstance(output, Tensor):
        return
    kind = type(module).__name__
    if "Squeeze" in kind or kind == "SEModule":
        mark(output, known[0])
    elif field_of(output) is None or _is_layer(module):
        field = _joined(known)
        sliding = windows_of(module)
        if kind.startswith("Global"):
            field = "image"
        elif sliding is not None and not isinstance(field, str):
            field = _widened(field, sliding)
        mark(output, field)


def _is_layer(module: nn.Module) -> bool:
    """Return whether a module is one layer, whose forward no mode has to look into."""
    is_leaf = next(module.children(), None) is None
    return is_leaf and (
        windows_of(module) is not None or type(module).__module__.startswith("medcnn.layers.")
    )


def _through(
    func: Callable[..., Any],
    known: Sequence[Fields],
    args: Sequence[Any],
    kwargs: Mapping[str, object],
    result: Any,
) -> Fields:
    field = _joined(known)
    if func in _PRODUCTS and len(known) > 1 and field != "image":
        return "window"
    if isinstance(field, str):
        return field
    if (func in _WHOLE or func in _MEANS) and _spatial(args[0]) > _spatial(result):
        return "image"
    if func in (F.scaled_dot_product_attention, F.multi_head_attention_forward):
        return "image"
    sliding = _called_windows(func, args, kwargs)
    return field if sliding is None else _widened(field, sliding)


def _widened(field: tuple[Field, Field], sliding: Windows) -> tuple[Field, Field]:
    height, width = field
    return height.through(sliding.rows), width.through(sliding.columns)


def _joined(known: Sequence[Fields]) -> Fields:
    if "window" in known:
        return "window"
    if "image" in known:
        return "image"
    pairs = [field for field in known if not isinstance(field, str)]
    height, width = pairs[0]
    for other in pairs[1:]:
        height, width = height.joined(other[0]), width.joined(other[1])
    return height, width


def _called_windows(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, object]
) -> Windows | None:
    """Return what a convolution or pooling slides over the image, from the arguments of its call."""
    if func not in _ARGUMENTS:
        return None
    given = {**dict(zip(_ARGUMENTS[func], args[1:], strict=False)), **kwargs}
    size = given["weight"].shape[2:] if "weight" in given else given["kernel_size"]
    stride = given.get("stride")
    # A pooling without a stride steps by its own width; a convolution by one.
    stride = (1 if "weight" in given else size) if stride is None or stride == [] else stride
    return _windows(size, stride, given.get("padding", 0), given.get("dilation", 1))


_POOL = ("kernel_size", "stride", "padding")
_ARGUMENTS: dict[Callable[..., Any], tuple[str, ...]] = {
    torch.conv2d: ("weight", "bias", "stride", "padding", "dilation", "groups"),
    F.avg_pool2d: (*_POOL, "ceil_mode", "count_include_pad", "divisor_override"),
    F.max_pool2d: (*_POOL, "dilation", "ceil_mode"),
    torch.max_pool2d: (*_POOL, "dilation", "ceil_mode"),
}


def windows_of(module: Any) -> Windows | None:
    """Return what a convolution or pooling layer slides over height and width, or None.

    >>> windows_of(nn.Conv2d(3, 10, 5, padding=2)).rows
    Window(size=5, stride=1, padding=2, dilation=1, ceil=False)
    """
    if not hasattr(module, "kernel_size") or not hasattr(module, "padding"):
        return None
    size = module.kernel_size
    stride = size if module.stride is None else module.stride
    dilation = getattr(module, "dilation", 1)
    return _windows(
        size, stride, module.padding, dilation, ceil=getattr(module, "ceil_mode", False)
    )


def _windows(size: Any, stride: Any, padding: Any, dilation: Any, *, ceil: bool = False) -> Windows:
    if padding == "valid":
        padding = 0
    if padding == "same":
        # With an even width torch pads one more at the end, which no window here says.
        padding = [d * (f - 1) // 2 for d, f in zip(pair(dilation), pair(size), strict=True)]
    return windows(size, stride, padding, dilation, ceil=ceil)


def _spatial(value: Any) -> int:
    """Return the number of places of maps, 1 for vectors."""
    if not isinstance(value, Tensor) or value.ndim != 4:
        return 1
    return value.shape[-2] * value.shape[-1]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _tensors(inner)
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
