from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.data.cache.cache import build_cache, default_root
from medcnn.data.cache.images import ImageCache
from medcnn.errors import ConfigError, DataError
from medcnn.io import read_image_resized


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Forty noise images, 48×40, as PNG files."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(40):
        path = tmp_path / "images" / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (48, 40), np.uint8))
        paths.append(str(path))
    return pd.DataFrame({"image_id": [Path(path).stem for path in paths], "path": paths})


def build(table: pd.DataFrame, tmp_path: Path, **options: object) -> ImageCache:
    defaults = {"size": 16, "root": tmp_path / "cache", "workers": 1, "progress": False}
    return build_cache(table, **{**defaults, **options})


def stored(tmp_path: Path) -> int:
    files = (tmp_path / "cache").rglob("*.npy")
    return sum(len(np.load(file, mmap_mode="r")) for file in files)


def test_images_are_those_of_the_reader_in_the_tables_order(table, tmp_path):
    shuffled = table.sample(frac=1, random_state=1).reset_index(drop=True)
    build(table.iloc[::2], tmp_path)
    cache = build(shuffled, tmp_path)
    expected = [read_image_resized(path, 16, exact=False)[0] for path in shuffled["path"]]
    assert np.array_equal(cache.take(np.arange(40)), np.stack(expected))


def test_uint16_keeps_sixteen_bits(tmp_path):
    path = tmp_path / "deep.png"
    pixels = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    cv2.imwrite(str(path), pixels)
    cache = build(
        pd.DataFrame({"image_id": ["a"], "path": [path]}), tmp_path, size=8, dtype="uint16"
    )
    assert np.abs(cache.take([0])[0].astype(int) - pixels).max() <= 1


def test_second_build_decodes_nothing(table, tmp_path):
    first = build(table, tmp_path)
    files = sorted((tmp_path / "cache").rglob("*.np*"))
    again = build(table, tmp_path)
    assert sorted((tmp_path / "cache").rglob("*.np*")) == files
    assert first.digest == again.digest


def test_moved_and_touched_files_are_recognised_by_their_bytes(table, tmp_path):
    first = build(table, tmp_path)
    (tmp_path / "images").rename(tmp_path / "moved")
    moved = table.assign(path=table["path"].str.replace("/images/", "/moved/"))
    os.utime(moved["path"][0], (1, 1))
    again = build(moved, tmp_path)
    assert stored(tmp_path) == 40
    assert again.digest == first.digest


def test_changed_file_is_decoded_again_even_with_its_old_time(table, tmp_path):
    build(table, tmp_path)
    path = Path(table["path"][3])
    before = path.stat()
    data = bytearray(path.read_bytes())
    cv2.imwrite(str(path), np.full((48, 40), 7, np.uint8))
    path.write_bytes(path.read_bytes().ljust(len(data), b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (build(table, tmp_path).take([3]) == 7).all()


def test_equal_files_are_stored_once(table, tmp_path):
    Path(table["path"][1]).write_bytes(Path(table["path"][0]).read_bytes())
    cache = build(table, tmp_path)
    assert stored(tmp_path) == 39
    assert np.array_equal(*cache.take([0, 1]))


@pytest.mark.parametrize("change", [{"size": 17}, {"exact": True}, {"dtype": "uint16"}])
def test_what_changes_pixels_changes_the_key(table, tmp_path, change):
    first, other = build(table[:2], tmp_path), build(table[:2], tmp_path, **change)
    assert first.folder != other.folder
    assert first.digest != other.digest


def test_broken_files_are_quarantined_and_the_run_goes_on(table, tmp_path):
    Path(table["path"][5]).write_bytes(b"not an image")
    Path(table["path"][6]).unlink()
    cache = build(table, tmp_path)
    assert [(bad["image_id"], bad["kind"]) for bad in cache.unreadable] == [
        ("005", "not_an_image"),
        ("006", "no_file"),
    ]
    assert np.flatnonzero(~cache.readable).tolist() == [5, 6]
    assert cache.facts["kind"].isna().sum() == 2
    with pytest.raises(DataError, match="'005' has no pixels"):
        cache.take([5])


def test_mended_file_is_read_at_the_next_build(table, tmp_path):
    good = Path(table["path"][5]).read_bytes()
    Path(table["path"][5]).write_bytes(b"not an image")
    assert not build(table, tmp_path).readable.all()
    Path(table["path"][5]).write_bytes(good)
    cache = build(table, tmp_path)
    assert cache.readable.all()
    assert cache.unreadable == []


def test_no_readable_image_at_all_is_an_error(tmp_path):
    missing = pd.DataFrame({"image_id": ["a"], "path": [str(tmp_path / "none.png")]})
    with pytest.raises(DataError, match="None of the 1 images"):
        build(missing, tmp_path)


def test_damaged_facts_are_noticed_and_rebuilt(table, tmp_path):
    cache = build(table, tmp_path)
    file = next(cache.folder.glob("*.npz"))
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"kind"', b'"kinX"'))
    with pytest.raises(DataError, match=r"facts of cached images are damaged on disk"):
        _ = cache.facts
    again = build(table, tmp_path)
    assert again.facts["kind"].notna().all()


def test_damaged_pixels_are_noticed_and_rebuilt(table, tmp_path):
    rows = np.arange(40)
    expected = build(table, tmp_path).take(rows)
    file = next((tmp_path / "cache").rglob("*.npy"))
    with file.open("r+b") as stream:
        stream.seek(200)
        stream.write(b"\xff\x00\xff")
    with pytest.raises(DataError, match="damaged on disk"):
        build(table, tmp_path).take(rows)
    assert np.array_equal(build(table, tmp_path).take(rows), expected)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_truncated_segment_is_left_out_and_rebuilt(table, tmp_path, suffix):
    expected = build(table, tmp_path).take(np.arange(40))
    file = next((tmp_path / "cache").rglob(f"*{suffix}"))
    file.write_bytes(file.read_bytes()[:-100])
    assert np.array_equal(build(table, tmp_path).take(np.arange(40)), expected)


def test_arrays_in_an_archive_are_cached(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)
    np.savez(tmp_path / "set.npz", train_images=images)
    paths = [f"{tmp_path / 'set.npz'}#train_images/{row}" for row in range(30)]
    cache = build(pd.DataFrame({"image_id": paths, "path": paths}), tmp_path, size=28)
    assert np.array_equal(cache.take(np.arange(30)), images)


def test_an_unusable_type_is_refused(table, tmp_path):
    with pytest.raises(ConfigError, match="cannot hold float32"):
        build(table, tmp_path, dtype="float32")


def test_root_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDCNN_CACHE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("MEDCNN_CACHE")
    assert default_root() == Path.home() / ".cache" / "medcnn" / "images"


SLOW_BUILD = """
import sys, pandas as pd
from pathlib import Path
import medcnn.data.cache.build as steps
read = steps.read_for_cache
def announced(path, profile):
    if Path(path).stem == "030":
        print("half way", flush=True)
        sys.stdin.read()
    return read(path, profile)
steps.read_for_cache, steps.MAX_CHUNK = announced, 8
from medcnn.data.cache.cache import build_cache
build_cache(pd.read_csv(sys.argv[1], dtype=str), size=16, root=Path(sys.argv[2]), workers=1,
            progress=False)
"""


def start_slow_build(table: pd.DataFrame, tmp_path: Path) -> subprocess.Popen[bytes]:
    table.to_csv(tmp_path / "table.csv", index=False)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILD, str(tmp_path / "table.csv"), str(tmp_path / "cache")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half way\n"
    return process


def test_killed_build_goes_on_where_it_stood(table, tmp_path):
    process = start_slow_build(table, tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept = stored(tmp_path)
    assert 0 < kept < 40
    cache = build(table, tmp_path)
    assert stored(tmp_path) == 40
    assert np.array_equal(
        cache.take([30])[0], read_image_resized(table["path"][30], 16, exact=False)[0]
    )


class Releases(io.StringIO):
    """A standard error that lets another build go on once this one says that it waits."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self.process = process

    def write(self, text: str) -> int:
        if "Waiting for another run" in text and self.process.stdin is not None:
            self.process.stdin.close()
        return super().write(text)


def test_two_builds_at_once_share_the_work(table, tmp_path, monkeypatch):
    process = start_slow_build(table, tmp_path)
    monkeypatch.setattr("sys.stderr", Releases(process))
    cache = build(table, tmp_path, progress=True)
    assert process.wait(60) == 0
    assert cache.readable.all()
    assert stored(tmp_path) == 40
