from torch import nn

from medcnn.models.inventory import Inventory, Layer, take_inventory
from medcnn.models.inventory_table import conclusions, render_table


def test_the_table_shows_the_lectures_convolution():
    inventory = take_inventory(nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32))
    text = render_table(inventory, "the example")
    for part in ("10×32×32", "(32 + 2·2 - 5)/1 + 1 = 32", "760", "768,000", "41 kB", "total"):
        assert part in text
    assert " ms " not in text


def test_measured_times_have_a_column():
    inventory = take_inventory(nn.Conv2d(1, 1, 3), (1, 8, 8), measure=True)
    assert " ms " in render_table(inventory, "")
    assert "Measured here" in conclusions(inventory, 1)[-1]


def _layer(kind, stage, parameters, multiply_adds, field=None):
    return Layer(
        name=kind,
        kind=kind,
        stage=stage,
        input=(1,),
        output=(1,),
        working=None,
        parameters=parameters,
        multiply_adds=multiply_adds,
        receptive_field=field,
        activation_bytes=1_000_000,
    )


def test_the_conclusions_say_where_time_and_memory_go():
    inventory = Inventory(
        (1, 8, 8),
        [
            _layer("Conv2d", "stem", 1_000_000, 900, field=(1, 7)),
            _layer("Linear", "head", 3_000_000, 100),
        ],
    )
    said = conclusions(inventory, 32)
    assert said[0].startswith("4,000,000 parameters (16 MB), 1,000 multiply-adds an image")
    assert said[1] == "Multiply-adds: Conv2d 90%, Linear 10%; by stage stem 90%, head 10%."
    assert said[2] == "Parameters: Linear 75%, Conv2d 25%; by stage head 75%, stem 25%."
    # Four copies of 16 MB, and 32 images of 2 MB.
    assert "keeps about 128 MB: 64 MB for weights" in said[4]
    assert "64 MB for activations" in said[4]
    assert "1×7" in render_table(inventory, "")


def test_one_layer_has_no_shares():
    inventory = Inventory((1, 8, 8), [_layer("Conv2d", "stem", 10, 10)])
    assert conclusions(inventory, 1)[1] == "Multiply-adds: all in one layer."


def test_a_narrow_terminal_has_room_for_every_line():
    network = nn.Sequential(nn.Conv2d(1, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64))
    lines = render_table(take_inventory(network, (1, 224, 224)), "narrow", 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("64×112×112" in line and "39.3 M" in line for line in lines)
