import pytest
import torch
from scipy.optimize import minimize

from medcnn.losses.ranking import auc_margin


@pytest.fixture
def logit():
    return torch.randn(30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def label():
    return (torch.arange(30) % 3 == 0).double()


@pytest.mark.parametrize("margin", [1.0, 0.1])
def test_it_solves_the_published_min_max_problem(logit, label, margin):
    p = torch.sigmoid(logit).numpy()
    positive, negative = p[label.numpy() == 1], p[label.numpy() == 0]

    def outer(ab):
        a, b = ab
        gap = margin + negative.mean() - positive.mean()
        alpha = minimize(lambda x: -(2 * x[0] * gap - x[0] ** 2), [0.5], bounds=[(0, None)])
        return ((positive - a) ** 2).mean() + ((negative - b) ** 2).mean() - alpha.fun

    expected = minimize(outer, [0.5, 0.5], method="Nelder-Mead", options={"xatol": 1e-8}).fun
    assert float(auc_margin(logit, label, margin)) == pytest.approx(expected, abs=1e-6)


def test_by_hand():
    # p = 1/2 and 3/4 abnormal, 1/4 normal: variance 1/64, gap 1 - (5/8 - 1/4) = 5/8.
    logit = torch.logit(torch.tensor([0.5, 0.75, 0.25], dtype=torch.float64))
    loss = auc_margin(logit, torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    assert float(loss) == pytest.approx(1 / 64 + 25 / 64)


def test_a_repeated_class_weighs_the_same(logit, label):
    normal = label == 0
    twice = torch.cat([logit, logit[normal]]), torch.cat([label, label[normal]])
    torch.testing.assert_close(auc_margin(*twice), auc_margin(logit, label))


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_one_class_has_no_margin(logit, only):
    loss = auc_margin(logit, torch.full_like(logit, only))
    torch.testing.assert_close(loss, torch.sigmoid(logit).var(correction=0))


def test_gradient_with_soft_labels(logit):
    soft = torch.rand(30, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert torch.autograd.gradcheck(lambda z: auc_margin(z, soft), logit.requires_grad_())
