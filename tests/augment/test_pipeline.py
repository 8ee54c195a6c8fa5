from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from medcnn.augment import OPERATORS, Augmentation
from medcnn.augment.mixing import Mixing
from medcnn.errors import ConfigError
from medcnn.settings.composition import config_folder

RNG = np.random.default_rng
NAMES = sorted(path.stem for path in (config_folder() / "augment").glob("*.yaml"))


def pipeline(name: str) -> Augmentation:
    options = OmegaConf.to_container(OmegaConf.load(config_folder() / "augment" / f"{name}.yaml"))
    options.pop("_target_")
    return Augmentation(**options)


def keeps_type_shape_and_range(images, name, dtype):
    given = images.astype(dtype) * (np.iinfo(dtype).max // 255)
    before = given.copy()
    augmentation = Augmentation({name: {"p": 1.0}})
    parameters = augmentation.draw(RNG(0), len(given), 64)
    ours = augmentation.apply(given, parameters)
    assert ours.dtype == dtype
    assert ours.shape == given.shape
    assert np.array_equal(given, before)
    tensor = torch.from_numpy(given.astype(np.float32) / np.iinfo(dtype).max)[:, None]
    theirs = augmentation.apply_tensor(tensor, parameters)
    assert theirs.dtype == torch.float32
    assert 0 <= theirs.min() <= theirs.max() <= 1
    if not issubclass(OPERATORS[name], Mixing):
        assert not np.array_equal(ours, given)


def changes_nothing_where_its_probability_is_zero(images, name):
    augmentation = Augmentation({name: {"p": 0.0}})
    parameters = augmentation.draw(RNG(0), len(images), 64)
    assert np.array_equal(augmentation.apply(images, parameters), images)
    tensor = torch.from_numpy(images)[:, None].float() / 255
    assert torch.allclose(augmentation.apply_tensor(tensor, parameters), tensor, atol=1e-5)


def gives_the_same_image_on_both_engines(images, name, dtype):
    peak = np.iinfo(dtype).max
    given = images.astype(dtype) * (peak // 255)
    if dtype == np.uint16:
        given += RNG(1).integers(-100, 100, given.shape).astype(dtype)
    augmentation = Augmentation({name: {"p": 1.0}})
    parameters = augmentation.draw(RNG(0), len(given), 64)
    tensor = torch.from_numpy(given.astype(np.float32) / peak)[:, None]
    ours = augmentation.apply(given, parameters) / peak
    theirs = augmentation.apply_tensor(tensor, parameters)[:, 0].numpy()
    # A tensor is equalised at 256 levels: up to the share of one of them from all of uint16's.
    levels = 6 if name == "equalize" and dtype == np.uint16 else 1.5
    assert np.abs(ours - theirs).max() < levels / 255


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_keeps_the_promises_of_operators(images, name, subtests):
    changes_nothing_where_its_probability_is_zero(images, name)
    for dtype in (np.uint8, np.uint16):
        with subtests.test(dtype=dtype.__name__):
            keeps_type_shape_and_range(images, name, dtype)
            gives_the_same_image_on_both_engines(images, name, dtype)


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_give_the_same_image(images, name):
    augmentation = pipeline(name)
    tensor = torch.from_numpy(images)[:, None].float() / 255
    for seed in range(4):
        parameters = augmentation.draw(RNG(seed), len(images), 64)
        ours = augmentation.apply(images, parameters) / 255
        theirs = augmentation.apply_tensor(tensor, parameters)[:, 0].numpy()
        # Contrast limits and equalisation amplify the rounding of the steps before them.
        assert np.abs(ours - theirs).mean() < 1.5 / 255, seed


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_batch(images, name):
    augmentation = pipeline(name)
    first, second = augmentation(images, RNG([3, 1])), augmentation(images, RNG([3, 1]))
    assert np.array_equal(first, second)
    if augmentation.operators:
        assert not np.array_equal(first, augmentation(images, RNG([3, 2])))


def test_drawn_values_can_be_repeated_and_taken_apart(images):
    augmentation = pipeline("strong")
    parameters = augmentation.draw(RNG(5), len(images), 64)
    whole = augmentation.apply(images, parameters)
    assert np.array_equal(augmentation.apply(images, parameters), whole)


def test_cxr_and_light_keep_laterality():
    for name in NAMES:
        augmentation = pipeline(name)
        assert "flip" not in augmentation.operators
        warp = augmentation.warp(augmentation.draw(RNG(0), 500, 64))
        if warp is not None:
            assert (np.linalg.det(warp.matrix_N33) > 0).all()


def test_an_operator_set_to_null_is_left_out():
    assert list(Augmentation({"flip": None, "noise": {}}).operators) == ["noise"]
    assert Augmentation().operators == {}


def test_stages_follow_the_order_of_the_configuration(images):
    dark_first = {"brightness": {"factor": (0.5, 0.5)}, "noise": {"sd": (0.05, 0.05)}}
    noise_first = {"noise": {"sd": (0.05, 0.05)}, "brightness": {"factor": (0.5, 0.5)}}
    grey = np.full((1, 64, 64), 128, np.uint8)
    assert Augmentation(dark_first)(grey, RNG(0)).std() > 1.8 * (
        Augmentation(noise_first)(grey, RNG(0)).std()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"rotate": {}},), "no augmentation operator named 'rotate'(?s:.*)'rotation'"),
        (({"rotation": {"degree": 3}},), "option of the augmentation operator rotation"),
        (({"rotation": {"_degrees": (0, 1)}},), "named '_degrees'"),
        (({}, "mirror"), "border of augmentations"),
    ],
)
def test_slips(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Augmentation(*arguments)


def test_parameters_of_another_batch_are_refused(images):
    augmentation = Augmentation({"rotation": {}})
    parameters = augmentation.draw(RNG(0), 3, 64)
    with pytest.raises(ConfigError, match="drawn for other images"):
        augmentation.apply(images, parameters)
    with pytest.raises(ConfigError, match="3 images of 64×64"):
        augmentation.apply_tensor(torch.zeros(3, 1, 32, 64), parameters)


def test_every_operator_and_its_options_are_documented():
    text = (Path(__file__).parents[2] / "docs" / "augmentation.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert list(rows) == list(OPERATORS)
    for name, kind in OPERATORS.items():
        for option in kind.__dataclass_fields__.keys() - {"p"}:
            assert f"`{option}`" in rows[name], (name, option)
