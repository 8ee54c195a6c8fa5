"""Every loss against another library, or values worked by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.special import rel_entr
from sklearn.metrics import brier_score_loss, hinge_loss
from timm.loss import AsymmetricLossMultiLabel
from torchvision.ops import sigmoid_focal_loss

from medcnn.losses import functional

PER_IMAGE = (
    "bce", "cross_entropy", "focal", "asymmetric", "kl_divergence", "pseudo_huber", "l1", "mse",
    "hinge",
)  # fmt: skip


@pytest.fixture
def logit():
    return torch.randn(40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3


@pytest.fixture
def label():
    draw = torch.rand(40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return (draw > 0.4).double()


@pytest.fixture
def soft():
    return torch.rand(40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_both_cross_entropies_are_those_of_torch(logit, soft):
    expected = F.binary_cross_entropy(torch.sigmoid(logit), soft, reduction="none")
    torch.testing.assert_close(functional.bce(logit, soft), expected)
    two = torch.stack([torch.zeros_like(logit), logit], 1)
    expected = F.cross_entropy(two, torch.stack([1 - soft, soft], 1), reduction="none")
    torch.testing.assert_close(functional.cross_entropy(logit, soft), expected)


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.0, None), (3.5, None), (1.0, 0.9)])
def test_focal_is_that_of_torchvision(logit, label, gamma, alpha):
    expected = sigmoid_focal_loss(logit, label, -1 if alpha is None else alpha, gamma)
    torch.testing.assert_close(functional.focal(logit, label, gamma, alpha), expected)


@pytest.mark.parametrize("options", [(0.0, 4.0, 0.05), (1.0, 2.0, 0.2), (0.0, 0.0, 0.0)])
def test_asymmetric_is_that_of_timm(logit, label, options):
    positive, negative, margin = options
    theirs = AsymmetricLossMultiLabel(
        negative, positive, margin, disable_torch_grad_focal_loss=False
    )
    # One by one: some releases of timm return the sum over images, others the mean.
    expected = [float(theirs(logit[i : i + 1], label[i : i + 1])) for i in range(len(logit))]
    ours = functional.asymmetric(logit, label, positive, negative, margin)
    assert ours.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_kl_divergence_is_that_of_scipy_and_0_at_the_target(logit, soft):
    p = torch.sigmoid(logit).numpy()
    expected = torch.tensor(rel_entr(soft.numpy(), p) + rel_entr(1 - soft.numpy(), 1 - p))
    torch.testing.assert_close(functional.kl_divergence(logit, soft), expected)
    at_target = functional.kl_divergence(torch.logit(soft), soft)
    torch.testing.assert_close(at_target, torch.zeros_like(soft), atol=1e-12, rtol=0)


def test_errors_of_the_probability_by_hand():
    logit, label = torch.tensor([0.0, math.log(3)]), torch.tensor([1.0, 0.0])  # p = 1/2 and 3/4
    assert functional.l1(logit, label).tolist() == pytest.approx([0.5, 0.75])
    assert functional.mse(logit, label).tolist() == pytest.approx([0.25, 0.5625])
    huber = functional.pseudo_huber(logit, label, delta=0.5)
    assert huber.tolist() == pytest.approx([0.25 * (2**0.5 - 1), 0.25 * (3.25**0.5 - 1)])


def test_mse_is_the_brier_score_and_pseudo_huber_lies_between_its_limits(logit, label):
    brier = brier_score_loss(label.numpy(), torch.sigmoid(logit).numpy())
    assert float(functional.mse(logit, label).mean()) == pytest.approx(brier)
    quadratic = functional.pseudo_huber(logit, label, delta=1e3)
    torch.testing.assert_close(quadratic, functional.mse(logit, label) / 2, rtol=1e-5, atol=1e-9)
    straight = functional.pseudo_huber(logit, label, delta=1e-6) / 1e-6
    torch.testing.assert_close(straight, functional.l1(logit, label), rtol=1e-4, atol=1e-5)


def test_hinge_is_that_of_scikit_learn(logit, label):
    expected = hinge_loss(label.numpy().astype(int), logit.numpy())
    assert float(functional.hinge(logit, label).mean()) == pytest.approx(expected)
    squared = functional.hinge(torch.tensor([0.5, -3.0]), torch.tensor([1.0, 1.0]), squared=True)
    assert squared.tolist() == [0.25, 16.0]


@pytest.mark.parametrize("name", PER_IMAGE)
def test_a_fractional_target_gives_the_expectation(name, logit, soft):
    loss = getattr(functional, name)
    mixed = soft * loss(logit, torch.ones_like(soft)) + (1 - soft) * loss(
        logit, torch.zeros_like(soft)
    )
    if name == "kl_divergence":
        mixed = mixed - torch.special.entr(soft) - torch.special.entr(1 - soft)
    torch.testing.assert_close(loss(logit, soft), mixed)


@pytest.mark.parametrize("name", PER_IMAGE)
def test_gradients(name, logit, soft):
    logit = logit.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: getattr(functional, name)(z, soft), logit)


@pytest.mark.each("name", PER_IMAGE)
def test_extreme_logits_stay_finite_with_their_gradients(name):
    logit = torch.tensor([-1e4, -90.0, 0.0, 90.0, 1e4], requires_grad=True)
    for label in (torch.zeros(5), torch.ones(5)):
        loss = getattr(functional, name)(logit, label)
        (gradient,) = torch.autograd.grad(loss.sum(), logit)
        assert torch.isfinite(loss).all() and torch.isfinite(gradient).all()
