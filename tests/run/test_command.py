import shlex
from concurrent.futures import ThreadPoolExecutor

from medcnn.run.command import asked, asking


def test_what_was_asked_can_be_pasted():
    with asking("train", ["data.root=/my scans/José", "threshold=npv>=0.9"]):
        words = asked()
    assert shlex.split(shlex.join(words)) == words
    assert words == ["medcnn", "train", "data.root=/my scans/José", "threshold=npv>=0.9"]


def test_the_inner_command_is_recorded_and_threads_do_not_share_it(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/bin/some_script.py", "x"])
    with asking("train", ["seed=1"]):
        with asking("train", ["seed=2"]):
            assert asked()[-1] == "seed=2"
        assert asked()[-1] == "seed=1"
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(asked).result() == ["some_script.py", "x"]
