"""SplitMix64 against the published sequence, and what is drawn from it against SciPy."""

import numpy as np
import torch
from scipy import stats

from medcnn.inference.counter_random import bits64, normal, splitmix64, stream_keys, uniform

FROM_1234567 = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_the_published_sequence_is_repeated():
    found = bits64(torch.tensor([1234567]), 5)[0]
    assert [int(value) % 2**64 for value in found] == FROM_1234567


def test_a_row_is_the_same_whatever_stands_beside_it():
    keys = stream_keys(3, torch.arange(50))
    assert torch.equal(uniform(keys, 17)[20:21], uniform(keys[20:21], 17))
    assert torch.equal(uniform(keys, 40)[:, :17], uniform(keys, 17))


def test_the_order_of_a_name_matters_and_parts_broadcast():
    rows, columns = torch.arange(3)[:, None], torch.arange(4)[None]
    keys = stream_keys(9, rows, columns)
    assert keys.shape == (3, 4)
    assert len(keys.unique()) == 12
    assert stream_keys(1, 2) != stream_keys(2, 1)
    assert stream_keys(9, 2, 3) == keys[2, 3]


def test_draws_are_uniform_and_normal_and_streams_are_unrelated():
    keys = stream_keys(0, torch.arange(400))
    u, z = uniform(keys, 500).double().numpy(), normal(keys, 500).double().numpy()
    assert u.min() >= 0
    assert u.max() < 1
    assert stats.kstest(u.ravel(), "uniform").pvalue > 0.001
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.001
    correlation = np.corrcoef(u)[np.triu_indices(400, 1)]
    assert abs(correlation).max() < 6 / np.sqrt(500)
    assert abs(correlation.mean()) < 4 / np.sqrt(500 * len(correlation))


def test_one_bit_of_the_state_changes_half_of_the_output():
    state = torch.arange(2000, dtype=torch.int64)
    changed = splitmix64(state) ^ splitmix64(state ^ 1)
    ones = np.array([bin(int(value) % 2**64).count("1") for value in changed])
    assert abs(ones.mean() - 32) < 0.5
