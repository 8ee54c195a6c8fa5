import re

import pandas as pd
import pytest

from medcnn.search.figures import history, slices
from medcnn.search.space import Parameter


def trials(scores, rates):
    return pd.DataFrame(
        {"order": range(1, len(scores) + 1), "score": scores, "state": "complete", "lr": rates}
    )


def labels(svg):
    """Return the numbers that stand at the axes of a figure."""
    return [
        float(text.replace("\u2212", "-")) for text in re.findall(r">([\d.e\u2212-]+)</text>", svg)
    ]


def test_trials_are_counted_in_whole_numbers_from_1():
    drawn = history(trials([0.61, 0.62, 0.64, 0.63, 0.65], [1] * 5), "val_auroc", higher=True)
    marks = [number for number in labels(drawn) if number >= 1]
    assert marks and all(number == int(number) for number in marks)


@pytest.mark.parametrize(("low", "high"), [(1e-6, 1.0), (1e-4, 1e-2), (0.003, 0.05)])
def test_a_logarithmic_axis_has_a_few_numbers_written_out(low, high):
    rates = [low, (low * high) ** 0.5, high]
    drawn = str(
        slices(trials([5.1, 5.2, 5.3], rates), [Parameter("lr", (), low, high, True)], "loss")
    )
    marks = [number for number in labels(drawn) if number < 5]
    assert 2 <= len(marks) <= 6
    assert "tspan" not in drawn  # no power with a raised exponent
