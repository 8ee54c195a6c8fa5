"""torchvision's networks as chains of stages: without their classifier, with one channel.

Every family has stages ``stem, layer1, … layerK`` (VGG and AlexNet have no stem); a stage begins
where the resolution falls, except in ViT, where each encoder block is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.maxvit import MaxVit

from medcnn.models.names import check_size, family_of, small_stem
from medcnn.models.small_stems import keep_resolution
from medcnn.models.stages import Backbone, GlobalAverage, Layout, Stage, chain

_MAXVIT_T = {
    "stem_channels": 64,
    "block_channels": [64, 128, 256, 512],
    "block_layers": [2, 2, 5, 2],
    "head_dim": 32,
    "stochastic_depth_prob": 0.2,
}


def torchvision_backbone(name: str, *, image_size: int = 224, stem: str = "auto") -> Backbone:
    """Return one of torchvision's networks with random weights.

    Args:
        name: A name of ``medcnn.models.names.FAMILIES``.
        image_size: Pixels a side.
        stem: ``imagenet``, ``small`` (the resolution is kept) or ``auto``.

    Raises:
        ConfigError: If the image size does not fit.
    """
    family = family_of(name)
    check_size(name, image_size, stem)
    body = _network(name, family, image_size)
    see_one_channel(body)
    if small_stem(stem, image_size):
        keep_resolution(body, family)
    stages, pool, feature_dim = _LAYOUTS[family](body)
    layouts: dict[str, Layout] = {"swin": "NHWC", "swin_v2": "NHWC", "vit": "NTC"}
    return Backbone(
        name,
        body,
        stages=stages,
        pool=pool,
        feature_dim=feature_dim,
        layout=layouts.get(family, "NCHW"),
        prefix_tokens=int(family == "vit"),
    )


def see_one_channel(body: nn.Module) -> None:
    """Make the first convolution take one channel; its weights are summed over RGB."""
    for parent in body.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and child.in_channels == 3:
                weight = child.weight.detach().sum(1, keepdim=True)
                child.in_channels, child.weight = 1, nn.Parameter(weight)
                setattr(parent, name, child)
                return


def _network(name: str, family: str, image_size: int) -> nn.Module:
    if family == "maxvit":
        # Google's rule: windows of 1/32 of the image, so that 7 at 224; 7 fits all multiples of 224.
        partition = 7 if image_size % 224 == 0 else image_size // 32
        size = (image_size, image_size)
        maxvit: nn.Module = MaxVit(input_size=size, partition_size=partition, **_MAXVIT_T)
        return maxvit
    options: dict[str, object] = {}
    if family in ("inception", "googlenet"):
        options = {"aux_logits": False, "init_weights": False}
    if family == "vit":
        options = {"image_size": image_size}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return network


Chain = tuple[Sequence[Stage], nn.Module, int]


def _resnet(body: nn.Module) -> Chain:
    stem = _view(body, "conv1", "bn1", "relu", "maxpool")
    layers = [(f"layer{n}", body.get_submodule(f"layer{n}")) for n in range(1, 5)]
    return [("stem", stem), *layers], GlobalAverage(), _drop(body, "fc")


def _densenet(body: nn.Module) -> Chain:
    features = body.get_submodule("features")
    view = [("stem", _view(features, "conv0", "norm0", "relu0", "pool0"))]
    view += [
        (f"layer{n}", _view(features, f"denseblock{n}", f"transition{n}")) for n in range(1, 4)
    ]
    view.append(("layer4", _view(features, "denseblock4", "norm5")))
    pool = chain(relu=nn.ReLU(), average=GlobalAverage())
    return view, pool, _drop(body, "classifier")


def _regnet(body: nn.Module) -> Chain:
    blocks = [
        (f"layer{n}", block)
        for n, block in enumerate(body.get_submodule("trunk_output").children(), 1)
    ]
    return [("stem", body.get_submodule("stem")), *blocks], GlobalAverage(), _drop(body, "fc")


def _mobile(body: nn.Module) -> Chain:
    features = body.get_submodule("features")
    stages = _cut(features, _has_stride, before=True)
    return stages, *_with_classifier(body)


def _plain(body: nn.Module) -> Chain:
    features = body.get_submodule("features")
    stages = _cut(features, lambda module: isinstance(module, nn.MaxPool2d), before=False)
    return [(f"layer{n}", module) for n, (_, module) in enumerate(stages, 1)], *_with_classifier(
        body
    )


def _convnext(body: nn.Module) -> Chain:
    return _patch_stages(body.get_submodule("features")), *_with_classifier(body)


def _swin(body: nn.Module) -> Chain:
    pool = chain(
        norm=body.get_submodule("norm"),
        permute=body.get_submodule("permute"),
        average=GlobalAverage(),
    )
    return _patch_stages(body.get_submodule("features")), pool, _drop(body, "head")


def _maxvit(body: nn.Module) -> Chain:
    blocks = body.get_submodule("blocks").children()
    stages = [("stem", body.get_submodule("stem"))]
    stages += [(f"layer{n}", block) for n, block in enumerate(blocks, 1)]
    feature_dim = _strip(body)
    return stages, chain(classifier=body.get_submodule("classifier")), feature_dim


def _googlenet(body: nn.Module) -> Chain:
    stem = _view(body, "conv1", "maxpool1", "conv2", "conv3", "maxpool2")
    stages: list[Stage] = [("stem", stem)]
    for n, (block, letters) in enumerate((("3", "ab"), ("4", "abcde"), ("5", "ab")), 1):
        names = [f"inception{block}{letter}" for letter in letters]
        stages.append((f"layer{n}", _view(body, *names, *([f"maxpool{n + 2}"] if n < 3 else []))))
    return stages, GlobalAverage(), _drop(body, "fc")


def _inception(body: nn.Module) -> Chain:
    stem = ("1a_3x3", "2a_3x3", "2b_3x3", "maxpool1", "3b_1x1", "4a_3x3", "maxpool2")
    names = [name if name.startswith("max") else f"Conv2d_{name}" for name in stem]
    stages: list[Stage] = [("stem", _view(body, *names))]
    for n, (block, letters) in enumerate((("5", "bcd"), ("6", "abcde"), ("7", "abc")), 1):
        stages.append((f"layer{n}", _view(body, *(f"Mixed_{block}{letter}" for letter in letters))))
    return stages, GlobalAverage(), _drop(body, "fc")


def _vit(body: nn.Module) -> Chain:
    blocks = body.get_submodule("encoder.layers").children()
    stages: list[Stage] = [("stem", PatchTokens(body))]
    stages += [(f"layer{n}", block) for n, block in enumerate(blocks, 1)]
    pool = chain(norm=body.get_submodule("encoder.ln"), token=ClassToken())
    feature_dim = _drop(body.get_submodule("heads"), "head")
    return stages, pool, feature_dim


class PatchTokens(nn.Module):
    """The stem of a vision transformer as a view: image to tokens, class token first.

    Args:
        body: torchvision's ``VisionTransformer``, which owns the parameters.
    """

    def __init__(self, body: Any) -> None:
        super().__init__()
        # In a tuple, to be read and not registered; the parameters are listed as this stage's own.
        self._body = (body,)
        self.projection = body.conv_proj
        self.class_token = body.class_token
        self.position = body.encoder.pos_embedding

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the tokens N×T×C with their positions added."""
        # Read from their owner, where torch.func and export put their substitutes; a length would be
        # fixed by an export, a shape is not.
        body = self._body[0]
        places_NTC = body.conv_proj(image_N1HW).flatten(2).transpose(1, 2)
        first_N1C = body.class_token.expand(image_N1HW.shape[0], -1, -1)
        tokens_NTC = torch.cat([first_N1C, places_NTC], 1) + body.encoder.pos_embedding
        out: Tensor = body.encoder.dropout(tokens_NTC)
        return out


class ClassToken(nn.Module):
    """Tokens N×T×C to the first of them, N×C."""

    def forward(self, tokens_NTC: Tensor) -> Tensor:
        """Return the class token."""
        return tokens_NTC[:, 0]


_LAYOUTS: dict[str, Callable[[nn.Module], Chain]] = {
    "resnet": _resnet,
    "resnext": _resnet,
    "wide_resnet": _resnet,
    "densenet": _densenet,
    "efficientnet": _mobile,
    "efficientnet_v2": _mobile,
    "convnext": _convnext,
    "mobilenet_v2": _mobile,
    "mobilenet_v3": _mobile,
    "regnet": _regnet,
    "vgg": _plain,
    "alexnet": _plain,
    "inception": _inception,
    "googlenet": _googlenet,
    "vit": _vit,
    "swin": _swin,
    "swin_v2": _swin,
    "maxvit": _maxvit,
}


def _view(parent: nn.Module, *names: str) -> nn.Sequential:
    return chain(**{name: parent.get_submodule(name) for name in names})


def _drop(parent: nn.Module, attribute: str) -> int:
    """Replace the last linear layer by nothing and return the width of its input."""
    linear = parent.get_submodule(attribute)
    if not isinstance(linear, nn.Linear):
        raise AssertionError(f"{attribute} is not a linear layer")
    setattr(parent, attribute, nn.Identity())
    return linear.in_features


def _strip(body: nn.Module) -> int:
    """Take the last linear layer and the dropout before it off ``classifier``."""
    *kept, linear = body.get_submodule("classifier").children()
    while kept and isinstance(kept[-1], nn.Dropout):
        kept.pop()
    body.classifier = nn.Sequential(*kept)
    if not isinstance(linear, nn.Linear):
        raise AssertionError("classifier does not end in a linear layer")
    return linear.in_features


def _with_classifier(body: nn.Module) -> tuple[nn.Module, int]:
    """Return the pooling with what is left of the classifier, and the width of the features."""
    classifier = body.get_submodule("classifier")
    flattens = any(isinstance(module, nn.Flatten) for module in classifier.children())
    feature_dim = _strip(body)
    rest = body.get_submodule("classifier")
    average = getattr(body, "avgpool", nn.AdaptiveAvgPool2d(1))
    if flattens:
        return chain(average=average, rest=rest), feature_dim
    return chain(average=average, flatten=nn.Flatten(1), rest=rest), feature_dim


def _patch_stages(features: nn.Module) -> list[Stage]:
    """Return the stages of ConvNeXt and Swin: patches, then (merging and) blocks four times."""
    members = list(features.children())
    deeper = zip(members[2::2], members[3::2], strict=True)
    return [
        ("stem", members[0]),
        ("layer1", members[1]),
        *((f"layer{n}", chain(merge=m, blocks=blocks)) for n, (m, blocks) in enumerate(deeper, 2)),
    ]


def _cut(features: nn.Module, edge: Callable[[nn.Module], bool], *, before: bool) -> list[Stage]:
    """Cut a sequence of modules before or after each one that is an edge."""
    groups: list[dict[str, nn.Module]] = [{}]
    for name, module in features.named_children():
        if before and edge(module) and groups[-1]:
            groups.append({})
        groups[-1][name] = module
        if not before and edge(module):
            groups.append({})
    names = ["stem", *(f"layer{n}" for n in range(1, len(groups)))]
    return [(name, chain(**group)) for name, group in zip(names, groups, strict=True) if group]


def _has_stride(module: nn.Module) -> bool:
    return any(isinstance(m, nn.Conv2d) and max(m.stride) > 1 for m in module.modules())
