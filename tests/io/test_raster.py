"""PNG, JPEG, TIFF and BMP in every mode that Pillow writes."""

import struct
import time

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from medcnn.errors import ImageError
from medcnn.io import read_image, read_image_resized

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def saved(folder, image, name, **options):
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_eight_bits_are_divided_by_255(tmp_path, suffix):
    path = saved(tmp_path, Pillow.fromarray(RAMP), f"a.{suffix}")
    np.testing.assert_allclose(read_image(path).pixels, RAMP / 255, atol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_divided_by_65535(tmp_path, suffix):
    deep = RAMP.astype(np.uint16) * 257
    path = saved(tmp_path, Pillow.fromarray(deep), f"a.{suffix}")
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, deep / 65535, atol=1e-6)
    assert image.facts.bits == 16


def test_twelve_bits_in_sixteen_are_told(tmp_path):
    path = saved(tmp_path, Pillow.fromarray(RAMP.astype(np.uint16) * 16), "a.png")
    assert "stay below 4096" in read_image(path).facts.warnings[0]


def test_colour_is_luminance_as_pillow_weighs_it(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = saved(tmp_path, Pillow.fromarray(colours), "a.png")
    expected = np.asarray(Pillow.fromarray(colours).convert("L")) / 255
    np.testing.assert_allclose(read_image(path).pixels, expected, atol=1e-6)


def test_a_palette_is_resolved(tmp_path):
    image = Pillow.fromarray(RAMP).convert("P")
    path = saved(tmp_path, image, "a.png")
    facts = read_image(path).facts
    assert facts.photometric == "PALETTE COLOR"
    np.testing.assert_allclose(read_image(path).pixels, RAMP / 255, atol=0.03)


def test_one_bit_is_black_and_white(tmp_path):
    path = saved(tmp_path, Pillow.fromarray(RAMP > 100), "a.png")
    np.testing.assert_array_equal(read_image(path).pixels, (RAMP > 100).astype(np.float32))


def test_transparency_is_told(tmp_path):
    path = saved(tmp_path, Pillow.fromarray(np.dstack([RAMP] * 4)), "a.png")
    assert "transparency is ignored" in read_image(path).facts.warnings


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_turned_round(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", RAMP.astype(dtype), photometric="miniswhite")
    top = np.iinfo(dtype).max
    expected = (top - RAMP.astype(float)) / top
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").pixels, expected, atol=1e-6)


def test_the_orientation_of_a_photograph_is_applied(tmp_path):
    exif = Pillow.Exif()
    exif[274] = 6
    path = saved(tmp_path, Pillow.fromarray(RAMP), "a.png", exif=exif)
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, np.rot90(RAMP, -1) / 255, atol=1e-6)
    assert image.pixels.shape == (image.facts.rows, image.facts.columns)


def test_several_pages_are_told(tmp_path):
    pages = [Pillow.fromarray(RAMP), Pillow.fromarray(255 - RAMP)]
    path = saved(tmp_path, pages[0], "a.tif", save_all=True, append_images=pages[1:])
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, RAMP / 255, atol=1e-6)
    assert "first of 2 pages" in image.facts.warnings[0]


def test_a_jpeg_is_reduced_only_if_that_is_allowed(tmp_path):
    y, x = np.mgrid[:400, :480]
    smooth = (128 + 100 * np.sin(x / 60) * np.cos(y / 50)).astype(np.uint8)
    path = saved(tmp_path, Pillow.fromarray(smooth), "a.jpg", quality=95)
    exact, facts = read_image_resized(path, 50, exact=True)
    fast, reduced = read_image_resized(path, 50, exact=False)
    assert (facts.decoded_scale, reduced.decoded_scale) == (1, 8)
    assert np.abs(fast.astype(int) - exact).max() <= 3


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_beyond_sixteen_bits_are_refused(tmp_path, mode):
    values = RAMP.astype(np.float32) if mode == "F" else RAMP.astype(np.int32) * 10**6
    path = saved(tmp_path, Pillow.fromarray(values), "a.tif")
    with pytest.raises(ImageError, match="a kind that medcnn does not read") as caught:
        read_image(path)
    assert caught.value.kind == "unsupported"


def test_a_large_image_is_refused_before_it_is_decoded(tmp_path):
    path = saved(tmp_path, Pillow.fromarray(RAMP), "a.png")
    with pytest.raises(ImageError, match="larger than medcnn decodes"):
        read_image(path, max_pixels=47)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_damage_is_pixels_or_one_typed_error(tmp_path, suffix):
    path = saved(tmp_path, Pillow.fromarray(np.tile(RAMP, (4, 4))), f"a.{suffix}")
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    kinds = set()
    for _ in range(60):
        damaged = bytearray(content[: int(rng.integers(20, len(content) + 1))])
        for place in rng.integers(8, len(damaged), 4):
            damaged[place] = int(rng.integers(256))
        path.write_bytes(bytes(damaged))
        try:
            kinds.add(str(read_image(path).pixels.dtype))
        except ImageError as error:
            kinds.add(error.kind)
    assert kinds <= {"float32", "corrupt", "truncated", "not_an_image", "too_large", "unsupported"}


def claiming(content, rows, columns):
    """Return a JPEG whose frame header claims another size."""
    start = max(content.find(mark) for mark in (b"\xff\xc0", b"\xff\xc2"))
    size = struct.pack(">HH", rows, columns)
    return content[: start + 5] + size + content[start + 9 :]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_that_cannot_hold_the_pixels_it_claims_is_not_decoded(tmp_path, mode, progressive):
    path = tmp_path / "a.jpg"
    Pillow.new(mode, (64, 64), 9).save(path, progressive=progressive)
    path.write_bytes(claiming(path.read_bytes(), 9990, 9990))
    begun = time.process_time()
    with pytest.raises(ImageError, match=r"ends too early(.|\n)*9990×9990") as caught:
        read_image(path)
    assert caught.value.kind == "truncated"
    # Decoding takes seconds, and a gigabyte.
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("progressive", [True, False])
def test_the_emptiest_jpeg_is_large_enough(tmp_path, progressive):
    path = tmp_path / "a.jpg"
    Pillow.new("L", (2048, 1024), 0).save(path, progressive=progressive, optimize=True)
    assert read_image(path).pixels.shape == (1024, 2048)
