import copy
from functools import reduce
from operator import getitem

import pytest
from omegaconf import OmegaConf

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import as_plain, read
from medcnn.training.settings import Settings, check
from medcnn.training.settings import checked as fitting


@pytest.fixture(scope="module")
def default():
    return plain(compose("train", []))


def checked(default, **values):
    """Check the default configuration with some dotted keys set."""
    given = copy.deepcopy(default)
    for key, value in values.items():
        *groups, name = key.split("__")
        reduce(getitem, groups, given)[name] = value
    return fitting(read(Settings, given))


def test_the_default_passes_unchanged(default):
    assert as_plain(checked(default)) == default


@pytest.mark.each(
    ("key", "good", "bad"),
    [
        ("seed", [0, 2**32 - 1], [-1, 2**32, 1.0, True, "0"]),
        ("data__batch_size", [2, 64], [1, 0, 2.5, None]),
        ("data__num_workers", ["auto", 0, 4], [-1, "all", 1.5]),
        ("data__val_fraction", [0.1, 0.5], [0, 1, -0.1, True, "a tenth"]),
        ("model__dropout", [0, 0.99], [1.0, -0.1, float("nan"), float("inf")]),
        ("optimizer__lr", [1e-9, 1], [0, -1e-3, float("nan"), "fast"]),
        ("transfer__k", [0, 2], [-1, 1.5, True]),
        ("transfer__every", [1], [0, "two"]),
        ("transfer__decay", [0.7, 1], [0, 1.1]),
        ("transfer__little", [0, 1000], [-1, 0.5]),
        ("autoencoder__masking", [0, 0.75], [1, -0.1]),
        ("autoencoder__patch", [1, 8], [0, 2.5]),
        ("autoencoder__noise", [0, 0.1], [-1, "loud"]),
        ("trainer__precision", ["auto", "bf16-mixed"], ["bf16", "64-true", 16, None]),
        ("trainer__devices", ["auto", 1, 2, [1], [0, 1]], [0, -1, "2", [], [1, 1], [-1], None]),
        ("trainer__deterministic", ["warn", True, False], ["yes", 1.5]),
        ("callbacks__ema", [None, 0.999], [0, 1, 1.5]),
        ("callbacks__swa", [None, 0, 0.75], [1, -0.1]),
        ("callbacks__save_every", [None, 1], [0, 0.5]),
        ("penalty__max_norm", [None, 3], [0, -1]),
        ("callbacks__monitor", ["val_loss"], ["test_auroc", "val_accuracy"]),
    ],
)
def test_values_are_held_to_their_range(default, key, good, bad):
    for value in good:
        checked(default, **{key: value})
    for value in bad:
        name = key.replace("__", ".")
        with pytest.raises(ConfigError, match=rf"{name} cannot be(.|\n)*expected(.|\n)*{name}="):
            checked(default, **{key: value})


@pytest.mark.parametrize("key", ["mc_samples", "callbacks.swa", "data.official"])
def test_a_configuration_of_another_version_is_told(default, key):
    cfg = OmegaConf.create(default)
    group, _, name = key.rpartition(".")
    del (OmegaConf.select(cfg, group) if group else cfg)[name]
    with pytest.raises(ConfigError, match=f"has no {key}"):
        check(cfg)


@pytest.mark.parametrize("key", ["callbacks__monitor", "robust__by", "mixstyle__p"])
def test_what_an_autoencoder_would_not_heed_is_refused(default, key):
    good = {"task": "autoencoder", "callbacks__monitor": "val_loss"}
    bad = {"callbacks__monitor": "val_auroc", "robust__by": ["sex"], "mixstyle__p": 0.5}
    checked(default, **good)
    with pytest.raises(ConfigError, match=f"does not go with {key.replace('__', '.')}"):
        checked(default, **good | {key: bad[key]})


def test_two_averages_of_the_weights_exclude_each_other(default):
    with pytest.raises(ConfigError, match="not two"):
        checked(default, callbacks__ema=0.99, callbacks__swa=0.5)


@pytest.mark.each(
    ("values", "message"),
    [
        ({"data__val_fraction": 0.5, "data__test_fraction": 0.5}, "nothing to train on"),
        ({"data__folds": 5}, "go together"),
        ({"data__fold": 0}, "go together"),
        ({"data__folds": 3, "data__fold": 3}, "no fold 3 of 3(.|\n)*from 0 to 2, or all"),
        ({"callbacks__population_statistics": True, "callbacks__ema": 0.9}, "not of their average"),
        (
            {"ensemble__kind": "snapshots", "ensemble__members": 2, "callbacks__swad": 1.3},
            "A snapshot is of the weights of training",
        ),
        (
            {"robust__by": ["site"], "augment__operators__mixup": {"alpha": 0.4}},
            "mixed image is of no group",
        ),
        ({"refer_by": "mutual_information"}, "several predictions of each image"),
        ({"refer_by": "distance", "out_of_distribution": None}, "distance from the training"),
        ({"threshold": "sensitivty>=0.9"}, "sensitivity"),
        ({"model": "resnet18"}, "one of the model options"),
        ({"loss__name": "cross_entropyy"}, "cross_entropy"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(default, values, message):
    with pytest.raises(ConfigError, match=message):
        checked(default, **values)


def test_several_sources_are_always_reported_apart(default, tmp_path):
    found = checked(
        default,
        data__sources=["folder", "manifest"],
        data__roots={"folder": str(tmp_path), "manifest": str(tmp_path)},
        subgroups=["sex"],
    )
    assert found.subgroups == ("sex", "source")


@pytest.mark.parametrize(
    "asked",
    ["xray_resnet", "xray_ensemble", "xray_autoencoder", "chest_xray", "pneumoniamnist"],
)
def test_what_is_composed_comes_back_from_the_tree_as_it_was(asked):
    composed = plain(compose("train", [f"experiment={asked}", "data.root=/somewhere"]))
    assert as_plain(read(Settings, composed)) == composed


@pytest.mark.parametrize(
    ("override", "key", "found"),
    [
        ("subgroups=sex", "subgroups", ["sex"]),
        ("subgroups=", "subgroups", []),
        ("penalty.exempt=linear.*", "penalty.exempt", ["linear.*"]),
        ("data.stratify=sex", "data.stratify", ["sex"]),
        ("data.hold_out=site:B", "data.hold_out", ["site:B"]),
    ],
)
def test_one_word_is_a_list_of_one(override, key, found):
    settings = read(Settings, plain(compose("train", [override])))
    assert OmegaConf.select(OmegaConf.create(as_plain(settings)), key) == found


def test_one_word_is_a_list_of_one_among_what_a_component_takes_too():
    given = ["model=xray_cnn", "model.filters=laplacian", "model.widths=32", "model.hidden=8"]
    model = check(compose("train", given)).model
    names = ("filters", "widths", "hidden")
    assert [model.arguments[name] for name in names] == [["laplacian"], [32], [8]]
    composed = compose("train", ["data=folder", "data.root=x", "data.source.abnormal=sick"])
    source = read(Settings, plain(composed)).data.source
    assert (source.arguments["abnormal"], source.arguments["normal"]) == (["sick"], [])


def test_a_key_that_nothing_heeds_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no key 'callbacks.patienc'(.|\n)*'callbacks.patience'"):
        check(compose("train", ["+callbacks.patienc=4"]))
    settings = check(compose("train", ["+trainer.limit_train_batches=2"]))
    assert settings.trainer.more == {"limit_train_batches": 2}
    assert as_plain(settings)["trainer"]["limit_train_batches"] == 2
