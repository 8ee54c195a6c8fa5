import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from medcnn.errors import ConfigError
from medcnn.layers.windows import Window, Windows, checked_padding, pair, windows


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    width=st.integers(1, 3),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    ceil=st.booleans(),
)
def test_the_offsets_in_the_border_are_the_patches_of_unfold(size, width, stride, dilation, ceil):
    sliding = windows(width, stride, width // 2, dilation, ceil=ceil)
    try:
        output = sliding.output(size)
    except RuntimeError:
        return
    padded = F.pad(torch.arange(1.0, 1 + size[0] * size[1]).view(1, 1, *size), sliding.border(size))
    ours = torch.stack([padded[place] for place in sliding.offsets(output)], 2).flatten(3)
    every = F.unfold(padded, width, dilation, 0, stride).view(1, 1, width * width, -1)
    fit = windows(width, stride, dilation=dilation).output((padded.shape[2], padded.shape[3]))
    assert torch.equal(
        ours.view(*ours.shape[:3], *output),
        every.view(*every.shape[:3], *fit)[..., : output[0], : output[1]],
    )


def test_a_last_window_may_overhang_but_not_begin_in_the_padding():
    # torch.nn.MaxPool2d(3, 2, ceil_mode=True) makes one pixel of two.
    assert Window(3, 2, ceil=True).places(2) == 1
    assert Window(3, 2).places(2) == 0
    assert Window(2, 2, padding=1, ceil=True).places(3) == 2


def test_no_window_fits():
    with pytest.raises(RuntimeError, match=r"window of \(3, 5\) does not fit .*\(4, 4\)"):
        windows(3, dilation=(1, 2)).output((4, 4))
    with pytest.raises(RuntimeError, match="does not fit"):
        windows(1, padding=0, ceil=True).output((0, 3))


def test_one_number_serves_both_axes():
    assert windows((3, 2), stride=2) == Windows(Window(3, 2), Window(2, 2))
    assert pair(2) == pair([2]) == (2, 2)
    with pytest.raises(ValueError, match="unpack"):
        pair((1, 2, 3))


def test_padding_is_at_most_half_a_window():
    assert checked_padding(windows(3, padding=1)) == windows(3, padding=1)
    with pytest.raises(ConfigError, match="too wide"):
        checked_padding(windows((3, 2), padding=(1, 2)))
