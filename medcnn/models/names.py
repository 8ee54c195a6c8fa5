"""The names of the backbones and the image sizes they take, known without importing torch."""

from __future__ import annotations

from medcnn.errors import ConfigError, WeightsError, nearest, require_packages, unknown_name

FAMILIES: dict[str, tuple[str, ...]] = {
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "resnext": ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    "wide_resnet": ("wide_resnet50_2", "wide_resnet101_2"),
    "densenet": ("densenet121", "densenet161", "densenet169", "densenet201"),
    "efficientnet": tuple(f"efficientnet_b{size}" for size in range(8)),
    "efficientnet_v2": ("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"),
    "convnext": ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large"),
    "mobilenet_v2": ("mobilenet_v2",),
    "mobilenet_v3": ("mobilenet_v3_small", "mobilenet_v3_large"),
    "regnet": tuple(
        f"regnet_{kind}_{size}"
        for kind, sizes in (
            ("x", ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")),
            ("y", ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")),
        )
        for size in sizes
    ),
    "vgg": tuple(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    "alexnet": ("alexnet",),
    "inception": ("inception_v3",),
    "googlenet": ("googlenet",),
    "vit": ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"),
    "swin": ("swin_t", "swin_s", "swin_b"),
    "swin_v2": ("swin_v2_t", "swin_v2_s", "swin_v2_b"),
    "maxvit": ("maxvit_t",),
    "own": ("tiny_resnet", "xray_cnn"),
}
"""Every family, and its members from the smallest."""

BACKBONES = tuple(name for members in FAMILIES.values() for name in members)

CUSTOM = "custom"
"""What ``model.backbone`` calls a network of one's own; see ``medcnn.models.custom``."""

TARGETS = ("medcnn.models.build_classifier",)
"""What a configuration may call to build a network."""

XRV_NAMES = (
    *(
        f"densenet121-res224-{source}"
        for source in ("all", "rsna", "nih", "pc", "chex", "mimic_nb", "mimic_ch")
    ),
    "resnet50-res512-all",
)
"""The classifiers that TorchXRayVision publishes, after ``xrv:``."""

SMALL_IMAGE = 64
"""Up to this many pixels a side, ``model.stem=auto`` takes the stem that keeps the resolution."""

INITIALISATIONS = ("default", "xavier", "he", "lecun", "orthogonal", "lsuv")
"""What ``model.init`` may be; see ``medcnn.models.initialization``."""

PUBLISHED = ("auto", "pretrained", "imagenet")
"""What ``model.weights`` may be, beside ``none`` and a path."""

_SMALLEST = {"vgg": (32, 16), "alexnet": (63, 21), "inception": (75, 17), "googlenet": (15, 8)}
_STEMS = ("auto", "imagenet", "small")


def family_of(name: str) -> str:
    """Return the family of a backbone; ``timm``, ``xrv`` and ``custom`` stand for what is not here.

    >>> family_of("resnet34"), family_of("timm:resnet34")
    ('resnet', 'timm')

    Raises:
        ConfigError: If there is no backbone of that name.
    """
    if name == CUSTOM:
        return CUSTOM
    library, colon, _ = name.partition(":")
    if colon and library in ("timm", "xrv"):
        return library
    for family, members in FAMILIES.items():
        if name in members:
            return family
    raise _unknown(name)


def check_backbone(name: str) -> None:
    """Raise ConfigError if there is no backbone of that name, naming the nearest.

    Raises:
        ConfigError: If the name is unknown, or timm has to be installed for it.
    """
    family = family_of(name)
    # xrv's networks are torchvision's: its package is needed for the weights alone.
    if family == "xrv" and name.partition(":")[2] not in XRV_NAMES:
        raise unknown_name("backbone", name, [f"xrv:{known}" for known in XRV_NAMES])
    if family == "timm":
        require_packages(("timm",), "models", name)


def check_published(name: str, wanted: str) -> None:
    """Raise if no library publishes such weights of a backbone.

    Args:
        name: Of the backbone.
        wanted: ``auto``, ``pretrained`` or ``imagenet``.

    Raises:
        WeightsError: Naming what there is.
    """
    family = family_of(name)
    if family in ("own", CUSTOM) or (family == "xrv" and wanted == "imagenet"):
        raise WeightsError(
            f"There are no {'ImageNet ' if family == 'xrv' else ''}weights of {name} to be had.",
            expected="a backbone whose library publishes such weights",
            found="weights of chest X-rays" if family == "xrv" else "no published weights",
            remedy=f"give model.weights={'pretrained' if family == 'xrv' else 'none'}",
        )


def small_stem(stem: str, image_size: int) -> bool:
    """Return whether the stem keeps the resolution of the image.

    Raises:
        ConfigError: If ``stem`` is not ``auto``, ``imagenet`` or ``small``.
    """
    if stem not in _STEMS:
        raise ConfigError(f"model.stem cannot be {stem!r}.", expected=f"one of {', '.join(_STEMS)}")
    return stem == "small" or (stem == "auto" and image_size <= SMALL_IMAGE)


def check_size(name: str, image_size: int, stem: str = "auto") -> None:
    """Raise if a backbone does not take square images of ``image_size`` pixels.

    Raises:
        ConfigError: If the size does not fit, naming the nearest that does.
    """
    family, small = family_of(name), small_stem(stem, image_size)
    if family == "xrv":
        family = "densenet"
    step = _step(name, family)
    smallest = _SMALLEST.get(family, (step, step))[small]
    if image_size >= smallest and image_size % step == 0:
        return
    fitting = max(smallest, round(image_size / step) * step)
    raise ConfigError(
        f"{name} does not take images of {image_size} pixels.",
        expected=f"a multiple of {step}" if step > 1 else f"at least {smallest} pixels a side",
        found=f"data.image_size={image_size}",
        remedy=f"give data.image_size={fitting}, or choose a convolutional backbone",
    )


def _step(name: str, family: str) -> int:
    """Return the number of pixels of which the image has to be a multiple."""
    if family == "vit":
        return int(name.rpartition("_")[2])
    return 32 if family == "maxvit" else 1


def _unknown(name: str) -> ConfigError:
    guess = nearest(name, BACKBONES)
    kinds = ", ".join(f"{members[0]} …" for members in FAMILIES.values())
    return ConfigError(
        f"There is no backbone named {name!r}.",
        expected=f"{kinds}, timm:NAME or xrv:NAME",
        found=repr(name),
        remedy=f"did you mean {guess!r}?" if guess else "choose one of the names above",
    )
