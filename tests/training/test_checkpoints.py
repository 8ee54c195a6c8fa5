import resource
import signal
import warnings

import pytest
import pytorch_lightning as pl
import torch

from medcnn.errors import WeightsError
from medcnn.training.checkpoints import OF_WEIGHTS, EndKept, RunCheckpoint, WholeCheckpoints


@pytest.fixture
def no_room():
    """Let no file grow beyond 64 KiB, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, no_room):
    path, files = tmp_path / "last.ckpt", WholeCheckpoints(tmp_path / "best.ckpt", {})
    files.save_checkpoint({"state_dict": {"weight": torch.ones(3)}}, path)
    with pytest.raises((OSError, RuntimeError)):
        files.save_checkpoint({"state_dict": {"weight": torch.ones(2**20)}}, path)
    assert files.load_checkpoint(path)["state_dict"]["weight"].tolist() == [1, 1, 1]
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_checkpoint_is_refused_in_words(tmp_path):
    path, files = tmp_path / "last.ckpt", WholeCheckpoints(tmp_path / "best.ckpt", {})
    files.save_checkpoint({"state_dict": {"weight": torch.ones(2**10)}}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match=r"cannot be read(.|\n)*delete it"):
        files.load_checkpoint(path)


def test_the_best_checkpoint_holds_weights_and_how_their_network_is_rebuilt(tmp_path):
    whole = dict.fromkeys(OF_WEIGHTS, 1) | {"state_dict": {"weight": torch.ones(3)}}
    whole |= {"optimizer_states": [torch.ones(2**10)], "callbacks": {}, "loops": {}}
    files = WholeCheckpoints(tmp_path / "best.ckpt", {"model": {"backbone": "resnet18"}})
    for name in ("best", "last"):
        files.save_checkpoint(whole, tmp_path / f"{name}.ckpt")
    best = files.load_checkpoint(tmp_path / "best.ckpt")
    assert set(best) == {*OF_WEIGHTS, "network"}
    assert best["network"] == {"model": {"backbone": "resnet18"}}
    assert set(files.load_checkpoint(tmp_path / "last.ckpt")) == set(whole)


def test_the_best_is_known_where_a_run_has_been_moved_to(tmp_path):
    first = RunCheckpoint(tmp_path / "a", filename="best", monitor="val_loss")
    path = str(tmp_path / "a" / "best.ckpt")
    first.best_model_path = first.kth_best_model_path = path
    first.best_model_score = first.kth_value = torch.tensor(0.25)
    first.best_k_models = {path: torch.tensor(0.25)}
    moved = RunCheckpoint(tmp_path / "b", filename="best", monitor="val_loss")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved.load_state_dict(first.state_dict())
    here = str(tmp_path / "b" / "best.ckpt")
    assert moved.best_model_path == moved.kth_best_model_path == here
    assert moved.best_k_models == {here: torch.tensor(0.25)}
    assert moved.best_model_score == moved.kth_value == 0.25
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    assert not moved.check_monitor_top_k(trainer, torch.tensor(0.5))
    assert moved.check_monitor_top_k(trainer, torch.tensor(0.1))


def test_what_ended_by_patience_trains_no_more_when_it_is_resumed(tiny, tmp_path):
    def patience():
        return pl.callbacks.EarlyStopping("val_loss", patience=1, min_delta=1e6), EndKept()

    _, trainer = tiny(*patience(), epochs=5)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert trainer.global_step == 12
    _, resumed = tiny(*patience(), epochs=5, ckpt_path=tmp_path / "last.ckpt")
    assert resumed.global_step == 12
