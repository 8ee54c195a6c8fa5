from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.data.cache import build as cache_build
from medcnn.data.cache.build import build, chunk_length, make_chunks
from medcnn.data.cache.cache import build_cache
from medcnn.data.cache.key import as_keys, make_profile, stat_keys
from medcnn.data.cache.store import load_index

PROFILE = make_profile(size=8, dtype="uint8", exact=False)


def test_segments_take_32_mib_or_2048_images():
    assert chunk_length(make_profile(size=224, dtype="uint8", exact=False), 10**6, 8) == 668
    assert chunk_length(PROFILE, 10**6, 8) == 2048
    assert chunk_length(make_profile(size=2048, dtype="uint16", exact=False), 10**6, 8) == 16


def test_few_images_are_shared_among_the_workers():
    assert chunk_length(PROFILE, 1000, 4) == 63


def test_chunks_cover_the_pending_rows_once():
    files = as_keys(bytes(range(160)))
    chunks = list(make_chunks([1, 3, 5, 7, 9], [str(row) for row in range(10)], files, 2))
    assert [chunk.rows for chunk in chunks] == [(1, 3), (5, 7), (9,)]
    assert chunks[1].paths == ("5", "7")
    assert chunks[2].files == files[9:].tobytes()


def crash_at_1_and_2(chunk):
    if {Path(path).stem for path in chunk.paths} & {"1", "2"}:
        os.kill(os.getpid(), signal.SIGSEGV)
    return cache_build.build_chunk(chunk, *cache_build._context)


@pytest.mark.skipif(sys.platform != "linux", reason="the crash is planted as a signal")
def test_decoder_that_crashes_costs_its_files(tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{number}.png") for number in range(6)]
    for path in paths:
        cv2.imwrite(path, np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8))
        Path(path).write_bytes(Path(path).read_bytes() + path.encode())
    monkeypatch.setattr(cache_build, "_work", crash_at_1_and_2)
    files, _ = stat_keys(paths)
    problems = build(
        range(6),
        paths,
        files,
        folder=tmp_path,
        profile=PROFILE,
        known=as_keys(b""),
        workers=1,
        advance=lambda _: None,
    )
    assert [(problem.row, problem.kind) for problem in problems] == [(1, "crashed"), (2, "crashed")]
    assert len(set(load_index(tmp_path, (8, 8), "uint8").keys.tolist())) == 4


UNGUARDED = """
import cv2, numpy as np, pandas as pd, pathlib, sys
cv2.setNumThreads(2)
cv2.GaussianBlur(np.ones((2000, 2000), np.float32), (0, 0), 9)
from medcnn.data.cache.cache import build_cache
folder = pathlib.Path(sys.argv[1])
table = pd.read_csv(folder / "table.csv", dtype=str)
cache = build_cache(table, size=16, root=folder / "parallel", workers=2, progress=False)
print(cache.digest)
"""


def test_workers_beside_threads_and_from_an_unguarded_script_build_the_same_cache(tmp_path):
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{row}.png") for row in range(40)]
    for path in paths:
        cv2.imwrite(path, rng.integers(0, 256, (40, 40), np.uint8))
    table = pd.DataFrame({"image_id": paths, "path": paths})
    table.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    serial, parallel = (
        build_cache(table, size=16, root=tmp_path / name, workers=1, progress=False)
        for name in ("serial", "parallel")
    )
    assert done.stdout == f"{serial.digest}\n", done.stderr
    rows = np.arange(40)
    assert np.array_equal(serial.take(rows), parallel.take(rows))
