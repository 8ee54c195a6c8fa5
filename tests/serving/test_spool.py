"""A spool that is one service's own, keeps its order, and forgets what nobody waits for."""

import pytest

from medcnn.errors import UserError
from medcnn.serving.spool import RECEIVED, RESULTS, Spool


def test_files_come_back_in_their_order_and_only_to_their_owner(tmp_path):
    spool = Spool(tmp_path / "spool")
    for number in range(20):
        spool.keep(bytes([number]), RECEIVED)
    spool.keep(b"report", RESULTS, "name.dcm")
    spool.keep(b"report again", RESULTS, "name.dcm")
    spool.place().write_bytes(b"nobody waits")
    spool.close()
    again = Spool(tmp_path / "spool")
    assert [path.read_bytes()[0] for path in again.files(RECEIVED)] == list(range(20))
    assert [path.read_bytes() for path in again.files(RESULTS)] == [b"report again"]
    assert not list((tmp_path / "spool" / "passing").iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in again.folder.rglob("*/*"))
    again.close()


def test_a_spool_that_is_in_use_or_something_else_is_refused(tmp_path):
    spool = Spool(tmp_path / "spool")
    with pytest.raises(UserError, match="in use"):
        Spool(tmp_path / "spool")
    spool.close()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="no spool"):
        Spool(tmp_path)
