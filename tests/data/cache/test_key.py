from __future__ import annotations

import hashlib
import os

import pytest

from medcnn.data.cache.key import content_keys, make_profile, stat_keys


def test_content_key_is_blake2b_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"pixels")
    keys = content_keys([str(tmp_path / "a")])
    assert keys.tobytes() == hashlib.blake2b(b"pixels", digest_size=16).digest()


def test_fragments_of_one_archive_have_their_own_keys(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"pixels")
    paths = [f"{tmp_path / 'a.npz'}#x/{row}" for row in range(3)]
    assert len(set(content_keys(paths).tolist())) == 3
    keys, exists = stat_keys(paths)
    assert len(set(keys.tolist())) == 3
    assert exists.all()


def test_stat_key_depends_on_path_size_and_times(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    before, _ = stat_keys([str(path)])
    assert stat_keys([str(path)])[0].tolist() == before.tolist()
    path.write_bytes(b"12")
    assert stat_keys([str(path)])[0].tolist() != before.tolist()


def test_missing_file_is_reported():
    assert stat_keys(["/no/such/file"])[1].tolist() == [False]
    with pytest.raises(OSError, match="No such file"):
        content_keys(["/no/such/file"])


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.dcm")
    assert stat_keys([str(tmp_path / "a.dcm")])[1].tolist() == [False]


def test_profile_name_tells_size_and_dtype():
    assert make_profile(size=224, dtype="uint16", exact=True).name.startswith("224px-uint16-exact-")
