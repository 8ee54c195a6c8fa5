import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError, MedcnnWarning
from medcnn.training.optimizers.schedules import Cosine
from medcnn.training.optimizers.sharpness import SharpnessAware
from medcnn.training.tasks.optimization import check_combination, scheduled, statistics_kept


class FakeTrainer:
    def __init__(self, accumulate=1, precision="32-true", clip=None):
        self.accumulate_grad_batches, self.precision = accumulate, precision
        self.gradient_clip_val = clip


def parameters():
    return [nn.Parameter(torch.ones(2))]


def test_a_scheduler_made_late_stands_where_one_from_the_start_stands():
    first = torch.optim.SGD(parameters(), lr=0.5)
    late = torch.optim.SGD(parameters(), lr=0.5)
    early = scheduled(first, Cosine(), step=0, total=20)
    for _ in range(7):
        first.step()
        early.step()
    made = scheduled(late, Cosine(), step=7, total=20)
    for _ in range(5):
        assert late.param_groups[0]["lr"] == first.param_groups[0]["lr"]
        for optimizer, scheduler in ((first, early), (late, made)):
            optimizer.step()
            scheduler.step()


def test_statistics_stay_while_a_batch_is_seen_again():
    layer = nn.BatchNorm1d(3)
    layer(torch.randn(8, 3))
    before = layer.running_mean.clone()
    with statistics_kept(layer):
        layer(torch.randn(8, 3))
    assert torch.equal(layer.running_mean, before)
    layer(torch.randn(8, 3))
    assert not torch.equal(layer.running_mean, before)


@pytest.mark.parametrize("kind", ["lbfgs", "sam"])
@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        (FakeTrainer(accumulate=2), "cannot accumulate"),
        (FakeTrainer(precision="16-mixed"), "16 bit"),
    ],
)
def test_what_spans_several_evaluations_is_refused(kind, trainer, message):
    optimizer = (
        torch.optim.LBFGS(parameters())
        if kind == "lbfgs"
        else SharpnessAware([{"params": parameters(), "lr": 0.1}], torch.optim.SGD)
    )
    with pytest.raises(ConfigError, match=message):
        check_combination(optimizer, trainer)
    check_combination(torch.optim.SGD(parameters(), lr=0.1), trainer)


def test_lbfgs_says_that_it_does_not_clip():
    with pytest.warns(MedcnnWarning, match="not clipped"):
        check_combination(torch.optim.LBFGS(parameters()), FakeTrainer(clip=1.0))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_fused_optimiser_steps_no_further_than_the_clipped_gradient(precision, tiny):
    lr, clip, steps = 0.1, 1e-3, 6
    task = tiny.make_task(
        optimizer=lambda groups: torch.optim.SGD(groups, lr=lr, fused=True), lr=lr
    )
    before = {name: value.detach().clone() for name, value in task.named_parameters()}
    _, trainer = tiny(task=task, epochs=1, precision=precision, gradient_clip_val=clip)
    moved = sum(((value - before[name]) ** 2).sum() for name, value in task.named_parameters())
    assert trainer.global_step == steps
    assert 0 < moved.sqrt() <= steps * lr * clip * 1.001
