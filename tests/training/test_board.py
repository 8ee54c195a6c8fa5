from datetime import timedelta

from torch._C._distributed_c10d import TCPStore

from medcnn.training import board
from medcnn.training.board import Board

SOON = timedelta(milliseconds=20)


def test_a_value_of_any_size_is_waited_for_read_and_forgotten(monkeypatch):
    monkeypatch.setattr(board, "CHUNK", 1000)
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    one = Board(store)
    two = Board(TCPStore("127.0.0.1", store.port, is_master=False))
    table = [str(number) for number in range(5000)]
    assert not two.has(["table"], SOON)
    one.put("table", table)
    one.put("none", None)
    assert two.has(["table", "none"]) and two.get("table") == table and two.get("none") is None
    assert two.read(["table", "other"], SOON) == [table, None]
    keys = store.num_keys()
    one.forget("table")
    assert store.num_keys() < keys - 5
