import math

import numpy as np
import optuna
import pytest

from medcnn.errors import ConfigError
from medcnn.search.space import Parameter, assignments, is_number, read_space

LR = Parameter("optimizer.lr", low=1e-4, high=1e-1, log=True)
SPACE = {
    "optimizer.lr": "tag(log, interval(1e-4, 1e-1))",
    "model.dropout": "interval(0.0, 0.6)",
    "data.batch_size": "int(interval(8, 64))",
    "model": "choice(resnet18, tiny_resnet)",
}


def test_hydras_grammar_is_read():
    space, fixed = read_space(SPACE, ["search=tpe", "seed=1", "trainer.max_epochs=range(1,4)"])
    found = {each.name: each for each in space}
    assert found["optimizer.lr"] == LR
    assert found["model.dropout"] == Parameter("model.dropout", low=0.0, high=0.6)
    assert found["data.batch_size"].whole
    assert found["model"].choices == ("resnet18", "tiny_resnet")
    assert found["trainer.max_epochs"].choices == ("1", "2", "3")
    assert fixed == ["search=tpe", "seed=1"]


def test_the_command_line_replaces_a_range_or_takes_it_out():
    space, fixed = read_space(
        SPACE, ["optimizer.lr=0.1,0.2", "model.dropout=0.3", "model=vgg11_bn"]
    )
    assert [each.name for each in space] == ["data.batch_size", "optimizer.lr"]
    assert space[1].choices == ("0.1", "0.2")
    assert fixed == ["model.dropout=0.3", "model=vgg11_bn"]


@pytest.mark.parametrize(
    ("space", "arguments", "text"),
    [
        ({}, ["seed=1"], "nothing to search"),
        ({"seed": 3}, [], "is no range"),
        ({"seed": "interval(1"}, [], "not a value to search"),
        ({"a": "interval(2, 1)"}, [], "cannot be searched"),
        ({"a": "tag(log, interval(0, 1))"}, [], "logarithmic"),
    ],
)
def test_what_is_no_range_is_refused(space, arguments, text):
    with pytest.raises(ConfigError, match=text):
        read_space(space, arguments)


def test_ranges_are_drawn_within_their_ends_and_in_their_scale():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space, _ = read_space(SPACE, [])
    rows = [
        {each.name: each.draw(trial) for each in space}
        for trial in (study.ask() for _ in range(200))
    ]
    rates = np.array([row["optimizer.lr"] for row in rows])
    assert rates.min() >= 1e-4 and rates.max() <= 1e-1
    assert np.median(np.log10(rates)) == pytest.approx(-2.5, abs=0.3)
    assert all(isinstance(row["data.batch_size"], int) for row in rows)
    assert {row["model"] for row in rows} == {"resnet18", "tiny_resnet"}


def test_cutting_divides_evenly_in_the_scale():
    assert LR.cut(4) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert Parameter("d", low=0.0, high=0.6).cut(3) == pytest.approx([0.0, 0.3, 0.6])
    assert Parameter("n", low=1, high=3, whole=True).cut(9) == [1, 2, 3]
    assert Parameter("m", choices=("a", "b")).cut(1) == ["a", "b"]


def test_around_the_best_stays_in_range_and_keeps_the_best_itself():
    assert LR.around(1e-2, 3, 1 / 6) == pytest.approx([10**-2.5, 1e-2, 10**-1.5])
    assert LR.around(1e-2, 3, 1 / 6)[1] == 1e-2
    edge = LR.around(0.09, 3, 0.25)
    assert max(edge) <= 0.1 and 0.09 in edge
    numbers = Parameter("b", choices=("8", "16", "32", "64"))
    assert numbers.around("32", 3, 0.1) == ["16", "32", "64"]
    assert numbers.around("8", 3, 0.1) == ["8", "16"]
    assert Parameter("m", choices=("a", "b")).around("b", 3, 0.5) == ["b"]


def test_numbers_are_written_as_overrides():
    assert assignments({"a": 1e-5, "b": 3, "c": "x"}) == ["a=1e-05", "b=3", "c=x"]
    assert is_number(("1", "2.5")) and not is_number(("1", "x"))
    assert float(assignments({"a": math.pi})[0][2:]) == 3.142
