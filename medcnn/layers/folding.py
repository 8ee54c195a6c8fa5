"""Folding batch normalisation into the layer before it, for inference."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from itertools import pairwise

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Return a copy for inference whose batch normalisations are folded where that is possible.

    At test time batch normalisation is one affine map per channel, so that a convolution or a fully
    connected layer straight before it can take it over; an ``nn.Identity`` is left in its place.
    Normalisations that follow anything else (as in DenseNet) stay. The pairs are read off a
    symbolic trace; of a model that cannot be traced only neighbours in an ``nn.Sequential`` are
    folded, with a warning.

    Args:
        model: Any model with torch's or medcnn's layers. It is not changed.
    """
    folded = copy.deepcopy(model).eval()
    for first, second in foldable_pairs(folded):
        layer, norm = folded.get_submodule(first), folded.get_submodule(second)
        if isinstance(layer, nn.Conv2d | nn.Linear) and isinstance(norm, _BatchNorm):
            _fold(layer, norm)
            _replace(folded, norm, nn.Identity())
    return folded


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in list(_containers(model)):
        for name, child in list(parent.named_children()):
            if child is old:
                parent.register_module(name, new)


def _containers(model: nn.Module) -> Iterator[nn.Module]:
    """Yield every module, and the unregistered views of them that some keep under ``views``."""
    for module in model.modules():
        yield module
        for view in getattr(module, "views", ()):
            yield from view.modules()


def foldable_pairs(model: nn.Module) -> list[tuple[str, str]]:
    """Return the names of (layer, batch normalisation) whose first output only the second uses."""
    try:
        graph = _LeafTracer().trace(model)
    except (ValueError, TypeError, RuntimeError, AttributeError, LookupError) as error:
        warnings.warn(
            f"The model cannot be traced ({type(error).__name__}: {error}); batch normalisation is "
            "folded only inside nn.Sequential.",
            stacklevel=3,
        )
        return _sequential_pairs(model)
    calls = [str(node.target) for node in graph.nodes if node.op == "call_module"]
    pairs = []
    for node in graph.nodes:
        before = node.args[0] if node.args else None
        if node.op != "call_module" or not isinstance(before, fx.Node):
            continue
        first, second = str(before.target), str(node.target)
        alone = before.op == "call_module" and len(before.users) == 1
        if alone and calls.count(first) == calls.count(second) == 1:
            pairs.append((first, second))
    return [pair for pair in pairs if _fits(*map(model.get_submodule, pair))]


_VIEW = "a view"


class _LeafTracer(fx.Tracer):
    """Takes medcnn's layers as one step each, as the base class does with torch's."""

    def path_of_module(self, mod: nn.Module) -> str:
        try:
            return super().path_of_module(mod)
        except NameError:
            # A view of other modules, such as a stage of a backbone: what it holds is registered.
            return _VIEW

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if module_qualified_name == _VIEW:
            return False
        home = type(m).__module__
        return home.startswith("medcnn.layers.") or super().is_leaf_module(m, module_qualified_name)


def _sequential_pairs(model: nn.Module) -> list[tuple[str, str]]:
    pairs = []
    for name, parent in model.named_modules():
        if isinstance(parent, nn.Sequential):
            prefix = f"{name}." if name else ""
            for (first, layer), (second, norm) in pairwise(parent.named_children()):
                if _fits(layer, norm):
                    pairs.append((prefix + first, prefix + second))
    return pairs


def _fits(layer: nn.Module, norm: nn.Module) -> bool:
    if isinstance(norm, nn.BatchNorm2d) and isinstance(layer, nn.Conv2d):
        outputs = layer.out_channels
    elif isinstance(norm, nn.BatchNorm1d) and isinstance(layer, nn.Linear):
        outputs = layer.out_features
    else:
        return False
    return norm.running_mean is not None and norm.num_features == outputs


def _fold(layer: nn.Conv2d | nn.Linear, norm: _BatchNorm) -> None:
    """Let the layer do the work of both: a (W x + b) + c = (a W) x + (a b + c)."""
    if norm.running_mean is None or norm.running_var is None:
        return
    # Named after convolutions, it scales the weights of each output, as those of a linear layer.
    layer.weight, layer.bias = fuse_conv_bn_weights(
        layer.weight,
        layer.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
