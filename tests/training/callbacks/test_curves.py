import pandas as pd
import pytest
import torch

from medcnn.training.callbacks.curves import LearningCurves


def test_curves_have_the_largest_gradient_before_it_is_clipped(tiny, tmp_path):
    curves = LearningCurves(tmp_path / "metrics.csv")
    tiny(curves, gradient_clip_val=1e-6)
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["epoch"].tolist() == [0, 1]
    assert (table["gradient_norm"] > 1e-3).all()


def test_the_first_gradient_is_that_of_torch(tiny, tmp_path):
    curves = LearningCurves(tmp_path / "metrics.csv")
    trained, task = tiny.make_task(), tiny.make_task()
    trained.network.dropout.p = task.network.dropout.p = 0.0
    tiny(curves, task=trained, limit_train_batches=1, epochs=1)
    task.network.train()
    batch = next(iter(tiny.data().train_dataloader()))
    task.loss(task(batch["image"]).float(), batch["label"]).backward()
    norm = torch.cat([each.grad.flatten() for each in task.network.parameters()]).norm()
    found = pd.read_csv(tmp_path / "metrics.csv")["gradient_norm"].iloc[0]
    assert found == pytest.approx(float(norm), rel=1e-4)
