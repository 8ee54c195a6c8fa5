"""Every random number that a network draws, row by row from named streams.

Dropout hides in modules (``nn.Dropout``, stochastic depth, DropBlock, medcnn's own layers) and in
functions (``F.dropout`` in torchvision's and TorchXRayVision's DenseNet). All of it ends in a few
calls of torch, and those are intercepted here, wherever they stand: within ``RowRandomness`` the
k-th draw of row r is a function of the name of the row and of k alone, so that neither the size of
the batch nor what was computed before has any influence.

Legend: R rows of the batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from medcnn.errors import ConfigError
from medcnn.inference.counter_random import normal, stream_keys, uniform


class RowRandomness(TorchFunctionMode):
    """A context in which torch's random functions draw from one stream a row.

    Args:
        keys_R: The name of each row, from ``stream_keys``.

    Attributes:
        draws: How many times random numbers were asked for so far.
        largest: Bytes of the largest tensor that any call returned.
    """

    def __init__(self, keys_R: Tensor) -> None:
        super().__init__()
        self.keys_R = keys_R
        self.draws, self.largest = 0, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer a call of torch: by the streams where it is random, else as always."""
        options = dict(kwargs or {})
        handler = _HANDLERS.get(func)
        result = func(*args, **options) if handler is None else handler(self, *args, **options)
        if isinstance(result, Tensor):
            self.largest = max(self.largest, result.numel() * result.element_size())
        return result

    @contextmanager
    def only(self, row: int, draws: int) -> Iterator[None]:
        """Let the batch be one row, whose next draw is number ``draws``."""
        rows, self.keys_R = self.keys_R, self.keys_R[row : row + 1]
        self.draws = draws
        try:
            yield
        finally:
            self.keys_R = rows

    def drawn(self, *, raw: bool) -> None:
        """Be told of each draw; ``raw`` where it is not of a dropout function on its whole input."""

    def uniform(self, shape: Sequence[int], *, raw: bool = True) -> Tensor:
        """Draw numbers in [0, 1), float32."""
        self.drawn(raw=raw)
        return uniform(*self._next(shape)).view(*shape)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Draw standard normal numbers, float32."""
        self.drawn(raw=True)
        return normal(*self._next(shape)).view(*shape)

    def kept(self, shape: Sequence[int], like: Tensor, p: float) -> Tensor:
        """Draw 0 with probability ``p`` and 1/(1-p) otherwise; all zero for p = 1."""
        kept = (self.uniform(shape, raw=False) >= p).to(like.dtype)
        return kept if p == 1 else kept.div_(1 - p)

    def _next(self, shape: Sequence[int]) -> tuple[Tensor, int]:
        rows, size = len(self.keys_R), torch.Size(shape).numel()
        if not shape or shape[0] % rows:
            raise ConfigError(
                "MC dropout cannot tell which image a random number of this network belongs to.",
                expected=f"draws for a batch of {rows} rows",
                found=f"a draw of {tuple(shape)}",
                remedy="give mc_samples=0, or take an ensemble or test-time augmentation",
            )
        keys = stream_keys(self.keys_R, self.draws, device=self.keys_R.device)
        self.draws += 1
        return keys, size // rows


def _dropout(
    rows: RowRandomness, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    if not training or p == 0:
        return x
    return _times(x, rows.kept(x.shape, x, p), inplace=inplace)


def _channel_dropout(
    rows: RowRandomness, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    if not training or p == 0:
        return x
    shape = (*x.shape[:2], *[1] * (x.dim() - 2))
    return _times(x, rows.kept(shape, x, p), inplace=inplace)


def _times(x: Tensor, mask: Tensor, *, inplace: bool) -> Tensor:
    return x.mul_(mask) if inplace else x * mask


def _rrelu(
    rows: RowRandomness,
    x: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    if not training:
        return F.rrelu(x, lower, upper, training, inplace)
    slope = rows.uniform(x.shape, raw=False).mul_(upper - lower).add_(lower).to(x.dtype)
    return _times(x, torch.where(x < 0, slope, 1), inplace=inplace)


def _fractional_pool(rows: RowRandomness, x: Tensor, *args: Any, **options: Any) -> Any:
    if options.get("_random_samples") is None:
        options["_random_samples"] = rows.uniform((*x.shape[:2], 2), raw=False).to(x.dtype)
    return F.fractional_max_pool2d(x, *args, **options)


def _bernoulli_(rows: RowRandomness, x: Tensor, p: float | Tensor = 0.5, **_: Any) -> Tensor:
    return x.copy_(rows.uniform(x.shape) < p)


def _bernoulli(rows: RowRandomness, p: Tensor, **_: Any) -> Tensor:
    return (rows.uniform(p.shape) < p).to(p.dtype)


def _normal_(rows: RowRandomness, x: Tensor, mean: float = 0, std: float = 1, **_: Any) -> Tensor:
    return x.copy_(rows.normal(x.shape)).mul_(std).add_(mean)


def _uniform_(rows: RowRandomness, x: Tensor, low: float = 0, high: float = 1, **_: Any) -> Tensor:
    return x.copy_(rows.uniform(x.shape)).mul_(high - low).add_(low)


def _rand(rows: RowRandomness, *size: Any, **options: Any) -> Tensor:
    options.pop("generator", None)
    return _uniform_(rows, torch.empty(*size, **options))


def _randn(rows: RowRandomness, *size: Any, **options: Any) -> Tensor:
    options.pop("generator", None)
    return _normal_(rows, torch.empty(*size, **options))


def _rand_like(rows: RowRandomness, x: Tensor, **options: Any) -> Tensor:
    return _uniform_(rows, torch.empty_like(x, **options))


def _randn_like(rows: RowRandomness, x: Tensor, **options: Any) -> Tensor:
    return _normal_(rows, torch.empty_like(x, **options))


def _refused(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ConfigError(
            f"MC dropout cannot give {name} masks that are the same in every batch.",
            expected="dropout, stochastic depth, DropConnect, DropBlock or noise",
            found=name,
            remedy="give mc_samples=0, or take an ensemble or test-time augmentation",
        )

    return refuse


def _attention(rows: RowRandomness, *args: Any, **options: Any) -> Any:
    if options.get("dropout_p", args[4] if len(args) > 4 else 0.0):
        return _refused("dropout within attention")(rows)
    return F.scaled_dot_product_attention(*args, **options)


def _multi_head(rows: RowRandomness, *args: Any, **options: Any) -> Any:
    names = inspect.signature(F.multi_head_attention_forward).parameters
    given = {**dict(zip(names, args, strict=False)), **options}
    if given["dropout_p"] and given.get("training", True):
        return _refused("dropout within attention")(rows)
    return F.multi_head_attention_forward(*args, **options)


_HANDLERS: dict[Callable[..., Any], Callable[..., Any]] = {
    F.alpha_dropout: _refused("alpha dropout"),
    F.feature_alpha_dropout: _refused("alpha dropout"),
    F.scaled_dot_product_attention: _attention,
    F.multi_head_attention_forward: _multi_head,
    torch.randint: _refused("random whole numbers"),
    torch.randperm: _refused("random orders"),
    torch.multinomial: _refused("random choices"),
    torch.dropout: _dropout,
    F.dropout: _dropout,
    F.dropout1d: _channel_dropout,
    F.dropout2d: _channel_dropout,
    F.dropout3d: _channel_dropout,
    F.rrelu: _rrelu,
    F.fractional_max_pool2d: _fractional_pool,
    Tensor.bernoulli_: _bernoulli_,
    Tensor.normal_: _normal_,
    Tensor.uniform_: _uniform_,
    torch.bernoulli: _bernoulli,
    torch.rand: _rand,
    torch.randn: _randn,
    torch.rand_like: _rand_like,
    torch.randn_like: _randn_like,
}
