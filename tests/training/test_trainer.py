import pytest
import torch

from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.settings.composition import compose
from medcnn.training.settings import check
from medcnn.training.trainer import build_trainer


def settings(*overrides):
    return check(compose("train", overrides))


@pytest.mark.parametrize(
    ("monitor", "scores"), [("val_auroc", (0.6, 0.8, 0.7)), ("val_loss", (0.6, 0.4, 0.5))]
)
def test_the_best_checkpoint_is_that_of_the_best_epoch(monitor, scores, tmp_path):
    run = RunDir(tmp_path / "run")
    asked = settings(f"callbacks.monitor={monitor}", "trainer.accelerator=cpu")
    trainer = build_trainer(asked, run, Journal(run, seed=0))
    best = next(each for each in trainer.checkpoint_callbacks if each.monitor == monitor)
    stop = trainer.early_stopping_callback
    taken = []
    for score in map(torch.tensor, scores):
        taken.append(bool(best.check_monitor_top_k(trainer, score)))
        best.best_k_models, best.kth_best_model_path = {"best.ckpt": score}, "best.ckpt"
        stop._evaluate_stopping_criteria(score)
    assert taken == [True, True, False]
    assert float(stop.best_score) == pytest.approx(scores[1])
