import io
import re

import pytest
from rich.console import Console

from medcnn.training.callbacks.bar import EpochBar
from medcnn.training.callbacks.curves import EpochLine, LearningCurves


@pytest.mark.parametrize("width", [80, 120])
def test_each_epoch_has_a_line_of_its_own_beside_the_bar(tiny, tmp_path, width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    curves = LearningCurves(tmp_path / "metrics.csv")
    tiny(curves, EpochLine(curves, console.print), EpochBar(console), epochs=2)
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())
    pieces = [piece for piece in re.split(r"[\r\n]+", drawn) if piece.strip()]
    lines = [piece for piece in pieces if "train loss" in piece]
    assert [re.match(r"epoch +(\d+)/2 {3}train loss \d", line)[1] for line in lines] == ["1", "2"]
    bars = [piece for piece in pieces if "━" in piece]
    # From 1, through all batches of training and validation, and nothing else on the bar's line.
    assert {bar[:9] for bar in bars} == {"epoch 1/2", "epoch 2/2"}
    assert "12/12" in bars[-1]  # 6 batches of training and 6 of validation
    assert all(len(piece.rstrip()) <= width for piece in pieces)


def test_the_bar_goes_where_training_fails(tiny):
    console = Console(file=io.StringIO(), force_terminal=True)
    bar = EpochBar(console)

    class Fails(EpochLine):
        def on_train_epoch_end(self, trainer, pl_module):
            raise ArithmeticError("the loss is not a number")

    with pytest.raises(ArithmeticError, match="not a number"):
        tiny(Fails(None, None), bar)
    assert not bar.bar.live.is_started
