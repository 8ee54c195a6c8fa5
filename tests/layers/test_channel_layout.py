import pytest
import torch

from medcnn.layers.channel_layout import (
    PART,
    along,
    channel_sum,
    flattened,
    in_parts,
    is_channels_last,
    pooled_dims,
    shaped_like,
    total,
    values_per_channel,
)

BATCHES = {
    "units": (torch.arange(12.0).reshape(4, 3), True),
    "positions": (torch.arange(120.0).reshape(2, 3, 20), False),
    "contiguous": (torch.arange(120.0).reshape(2, 3, 5, 4), False),
    "channels-last": (
        torch.arange(120.0).reshape(2, 3, 5, 4).contiguous(memory_format=torch.channels_last), True
    ),
    "strided": (torch.arange(240.0).reshape(2, 3, 5, 8)[..., :4], False),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_read_as_it_lies_and_comes_back_in_its_shape(name):
    x, last = BATCHES[name]
    assert is_channels_last(x) == last
    flat = flattened(x, last)
    assert flat.is_contiguous()
    assert (flat.data_ptr() == x.data_ptr()) == (name != "strided"), "copied only if it has to be"
    assert torch.equal(shaped_like(flat, x), x)
    others = [dim for dim in range(x.dim()) if dim != 1]
    assert torch.equal(channel_sum(flat), x.sum(others))
    assert torch.equal(flat.mean(pooled_dims(flat)), channel_sum(flat) / values_per_channel(flat))
    shift = torch.tensor([1.0, 2.0, 3.0])
    moved = shaped_like(flat + along(shift, flat), x)
    assert torch.equal(moved - x, shift.view(-1, *[1] * (x.dim() - 2)).expand_as(x))


def test_parts_make_up_the_whole_and_fit_the_cache():
    rows = torch.randn(5000, 64)
    parts = [part for (part,) in in_parts(rows)]
    assert len(parts) > 1
    assert all(part.numel() <= PART for part in parts)
    assert torch.equal(torch.cat(parts), rows)
    torch.testing.assert_close(total([part.sum(0) for part in parts]), rows.sum(0))
    positions = torch.randn(4, 64, 1000)
    assert [part for (part,) in in_parts(positions)] == [positions]


def test_an_empty_batch_divides_by_one():
    assert values_per_channel(flattened(torch.zeros(0, 3, 4, 4), last=True)) == 1
