import pytest

from medcnn.errors import ConfigError
from medcnn.layers import LAYERS, check_layers
from medcnn.layers.check import failures

KEYS = {
    "layer",
    "reference",
    "max_forward_error",
    "max_gradient_error",
    "gradcheck",
    "speed_ratio",
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_equals_its_reference_forward_and_backward(name):
    rows = check_layers([name])
    assert failures(rows) == []
    for row in rows:
        assert set(row) == KEYS
        assert row["gradcheck"] is True
        assert row["max_forward_error"] < 1e-12
        assert row["max_gradient_error"] < 1e-12


def test_an_unknown_layer_is_named():
    with pytest.raises(ConfigError, match="batch_norm2d"):
        check_layers(["batch_nrm2d"])
