import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from medcnn.errors import ImageError
from medcnn.reporting.thumbnails import LARGE, Thumbnails


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def test_pictures_keep_their_shape_and_their_greys():
    ramp = np.tile(np.linspace(0, 1, 600, dtype=np.float32), (300, 1))
    uri = Thumbnails(lambda _: ramp).data_uri("x.dcm", LARGE)
    assert uri is not None
    assert uri.startswith("data:image/jpeg;base64,")
    image = opened(uri)
    assert (image.size, image.mode) == ((LARGE, LARGE // 2), "L")
    pixels = np.asarray(image, dtype=float)
    assert np.abs(pixels.mean(axis=0) / 255 - np.linspace(0, 1, LARGE)).max() < 0.03


def test_an_image_is_read_once_and_a_broken_one_is_remembered():
    asked = []

    def reader(path: Path):
        asked.append(path.name)
        if path.name == "broken.dcm":
            raise ImageError(path, "is cut short", kind="truncated")
        return np.zeros((8, 8), dtype=np.float32)

    maker = Thumbnails(reader)
    for name in ("a.png", "a.png", "broken.dcm", "broken.dcm", None, ""):
        maker.data_uri(name, 88)
    assert asked == ["a.png", "broken.dcm"]
    assert "cut short" in maker.failures["broken.dcm"]
