import pytest

from medcnn.errors import ConfigError
from medcnn.models.xray_cnn_plan import Plan, size_after


def test_one_value_stands_for_every_block():
    plan = Plan(widths=[8, 16], kernel=[5, 3], stride=2)
    assert (plan.kernels, plan.strides, plan.paddings) == ((5, 3), (2, 2), (2, 1))


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"widths": [4, 4, 4]}, [28, 14, 7, 3]),
        ({"widths": [4, 4], "stride": 2, "pooling": "none"}, [28, 14, 7]),
        (
            {"widths": [4, 4], "kernel": 5, "padding": 0, "depth": 2, "pooling": "none"},
            [28, 20, 12],
        ),
        ({"widths": [4, 4], "pooling": "fractional"}, [28, 19, 13]),
    ],
)
def test_the_maps_shrink_by_the_formula(options, sizes):
    plan = Plan(**options, image_size=28)
    assert [size_after(plan, blocks) for blocks in range(len(sizes))] == sizes


@pytest.mark.each(
    ("options", "message"),
    [
        ({"pooling": "maximum"}, "did you mean 'max'"),
        ({"norm": "batchnorm"}, "did you mean 'batch'"),
        ({"activation": "rely"}, "did you mean 'relu'"),
        ({"norm_place": "between"}, "norm_place"),
        ({"readout": "mean"}, "readout"),
        ({"dropout_kind": "drop"}, "did you mean 'dropout'"),
        ({"layers": "jax"}, "model.layers"),
        ({"widths": []}, "model.widths"),
        ({"depth": 0}, "depth"),
        ({"depth": 1.5}, "depth"),
        ({"kernel": 3.0}, "model.kernel"),
        ({"padding": 0.5}, "model.padding"),
        ({"block_dropout": None}, "model.block_dropout"),
        ({"kernel": [3, 3]}, "one for each of the 4 blocks"),
        ({"kernel": 4}, "'same' with odd kernels"),
        ({"padding": [1, 1]}, "model.padding"),
        ({"padding": -1}, "model.padding"),
        ({"block_dropout": 1.0}, "model.block_dropout cannot be 1.0"),
        ({"hidden": [8], "hidden_dropout": -0.1}, "model.hidden_dropout"),
        ({"image_size": 8}, "A window of 2 does not fit on 1 pixels"),
    ],
)
def test_choices_that_make_no_network_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Plan(**options)
