import pytest

from medcnn.errors import ConfigError
from medcnn.search.settings import METHODS, SearchSettings
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_configuration(method):
    options = read(SearchSettings, plain(compose("train", [f"search={method}"]))).search
    assert options.method == method
    assert options.score == "val_auroc"
    assert options.direction == "maximize"
    assert options.database.startswith("sqlite:////")


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (
            "search.score=test_auroc",
            "search.score cannot be(.|\n)*one of val_auroc, val_loss",
        ),
        ("search.method=hand", "search.method cannot be"),
        ("search.pruner=axe", "search.pruner cannot be"),
        ("search.trials=0", "search.trials"),
        ("search.data_fraction=1.5", "data_fraction"),
    ],
)
def test_what_does_not_fit_is_refused(override, text):
    composed = plain(compose("train", ["search=random", override]))
    with pytest.raises(ConfigError, match=text):
        read(SearchSettings, composed)
