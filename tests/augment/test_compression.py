import io

import numpy as np
import pytest
from PIL import Image

from medcnn.augment.compression import Jpeg
from medcnn.errors import ConfigError


@pytest.mark.parametrize("quality", [5, 50, 95])
def test_an_image_is_what_another_library_makes_of_it(images, quality):
    file = io.BytesIO()
    Image.fromarray(images[0]).save(file, "JPEG", quality=quality)
    theirs = np.asarray(Image.open(file)).astype(int)
    ours = Jpeg().image(images[0], {"quality": np.int64(quality)}).astype(int)
    assert np.abs(ours - theirs).max() <= 1
    lost = np.abs(ours - images[0].astype(int)).mean()
    assert lost > 0


def test_qualities_are_whole_and_within_their_ends():
    drawn = Jpeg(quality=(30, 33)).draw(np.random.default_rng(0), 400)["quality"]
    assert set(drawn.tolist()) == {30, 31, 32, 33}


@pytest.mark.parametrize("quality", [(0, 50), (50, 101), (60, 50), 50])
def test_another_quality_is_refused(quality):
    with pytest.raises(ConfigError, match=r"jpeg\.quality cannot be"):
        Jpeg(quality=quality)
