import pytest

from medcnn.errors import ConfigError
from medcnn.search.options import METHODS, read_options
from medcnn.settings.composition import compose, plain


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_configuration(method):
    options = read_options(plain(compose("train", [f"search={method}"]))["search"])
    assert options.method == method
    assert options.score == "val_auroc"
    assert options.direction == "maximize"
    assert options.storage.startswith("sqlite:////")


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("search.score=test_auroc", "score of a search"),
        ("search.method=hand", "no search named"),
        ("search.pruner=axe", "no pruner named"),
        ("search.trials=0", "search.trials"),
        ("search.data_fraction=1.5", "data_fraction"),
    ],
)
def test_what_does_not_fit_is_refused(override, text):
    raw = plain(compose("train", ["search=random", override]))["search"]
    with pytest.raises(ConfigError, match=text):
        read_options(raw)
