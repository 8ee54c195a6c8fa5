import errno
import json

import pytest

from medcnn.errors import UserError
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir, atomic_path, write_json


def test_open_refuses_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"no config\.yaml"):
        RunDir.open(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        RunDir.open(tmp_path / "absent")


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"n": 1})
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert read_json(path) == {"n": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"n": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_json_ends_as_written(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"ü": [1, None]})
    assert json.loads((tmp_path / "deep" / "a.json").read_text()) == {"ü": [1, None]}


def test_a_full_disk_is_named_by_the_file(tmp_path):
    with pytest.raises(OSError, match=r"x\.json"), atomic_path(tmp_path / "x.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []
