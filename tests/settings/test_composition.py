import pytest
from omegaconf import OmegaConf

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose, config_folder, flat_keys, plain


def test_the_folder_holds_the_commands():
    assert (config_folder() / "train.yaml").is_file()


@pytest.mark.each(
    ("override", "message"),
    [
        ("model=resnet81", r"no model named 'resnet81'(.|\n)*did you mean model=resnet"),
        ("modle=resnet18", r"no key 'modle'(.|\n)*did you mean 'model'"),
        ("optimizer.lrr=1", r"no key 'optimizer.lrr'(.|\n)*did you mean 'optimizer.lr'"),
        ("data.audti=warn", r"no key 'data.audti'(.|\n)*did you mean 'data.audit'"),
        ("experiment=xray_resnt", r"no experiment named(.|\n)*experiment=xray_resnet"),
        ("lr=0.1", r"no key 'lr'(.|\n)*optimizer.lr"),
        ("data.root", "is not an override"),
        ("a=[1", "is not an override"),
    ],
)
def test_every_fault_is_named_with_what_to_do(override, message):
    with pytest.raises(ConfigError, match=message):
        compose("train", [override])


def test_a_missing_value_is_asked_for():
    with pytest.raises(ConfigError, match=r"needs a value for data\.root"):
        plain(compose("train", ["data=chest_xray"]))


def test_a_dangling_interpolation_is_explained():
    with pytest.raises(ConfigError, match="does not resolve"):
        plain(OmegaConf.create({"a": "${b.c}"}))


def test_values_on_the_command_line_win_over_an_experiment():
    cfg = compose("train", ["experiment=xray_resnet", "optimizer.lr=0.5", "data.batch_size=8"])
    assert (cfg.optimizer.lr, cfg.data.batch_size, cfg.name) == (0.5, 8, "xray_resnet")


def test_rules_need_no_quotes_of_their_own():
    composed = compose("train", ["threshold=sensitivity>=0.95", "refer=npv >= 0.99"])
    assert composed.threshold == "sensitivity>=0.95"
    assert composed.refer == "npv >= 0.99"


def test_flat_keys_are_dotted():
    cfg = OmegaConf.create({"a": {"b": 1, "c": {"d": 2}}, "e": "???"})
    assert list(flat_keys(cfg)) == ["a", "a.b", "a.c", "a.c.d", "e"]


def test_a_key_is_guessed_among_those_of_its_own_command():
    with pytest.raises(ConfigError, match="did you mean 'run'") as told:
        compose("predict", ["rnu=x"])
    assert "model" not in told.value.expected.split(", ")
    with pytest.raises(ConfigError, match="did you mean 'experiment'"):
        compose("lr_find", ["experimnt=xray_resnet"])
