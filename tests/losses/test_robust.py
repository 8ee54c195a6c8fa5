import numpy as np
import pytest
import torch

from medcnn.errors import ConfigError, DataError
from medcnn.losses import Objective
from medcnn.losses.robust import GroupRobust

Z = torch.tensor([-1.5, 0.2, 2.0, -0.3, 1.0])
Y = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0])
GROUP = torch.tensor([0, 2, 2, 0, 2])


def test_weights_and_objective_are_those_of_algorithm_1_written_out():
    robust = GroupRobust(Objective(), [100, 50, 25], step=0.5, adjustment=2.0)
    z, y, group = (part.double().numpy() for part in (Z, Y, GROUP))
    loss = np.logaddexp(0, z) - y * z
    q = np.full(3, 1 / 3)
    for _ in range(2):
        means = {g: loss[group == g].mean() for g in (0, 2)}  # nothing is seen of group 1
        for g, n in ((0, 100), (2, 25)):
            q[g] *= np.exp(0.5 * (means[g] + 2.0 / np.sqrt(n)))
        q /= q.sum()
        found = robust(Z, Y, GROUP)
        np.testing.assert_allclose(float(found), q[0] * means[0] + q[2] * means[2], rtol=1e-6)
        np.testing.assert_allclose(robust.weight, q, rtol=1e-6)
    robust(Z, Y, GROUP, moves=False)
    np.testing.assert_allclose(robust.weight, q, rtol=1e-6)
    torch.testing.assert_close(robust(Z, Y), Objective()(Z, Y))
    assert set(robust.state_dict()) == {"weight"}


def test_the_worst_group_decides_where_the_mean_would_leave_it():
    """One logit for two groups, of which 90 images are abnormal and 10 are normal.

    The mean of all is least at log 9; the greatest loss of a group is least at 0.
    """
    label, group = torch.tensor([1.0] * 90 + [0.0] * 10), torch.tensor([0] * 90 + [1] * 10)
    robust, logit = GroupRobust(Objective(), [90, 10], step=0.1), torch.zeros(1, requires_grad=True)
    logit.data += 2.0
    trail = []
    for _ in range(600):
        (gradient,) = torch.autograd.grad(robust(logit.expand(100), label, group), logit)
        logit.data -= 0.3 * gradient
        trail.append(float(logit.detach()))
    assert abs(np.mean(trail[300:])) < 0.02 < np.log(9)


@pytest.mark.parametrize("options", [{"name": "auc_margin"}, {"class_weights": [1.0, 2.0]}])
def test_a_loss_without_a_value_for_each_image_is_refused(options):
    with pytest.raises(ConfigError, match="no value for each group"):
        GroupRobust(Objective(**options), [3, 4])


def test_one_group_alone_is_refused():
    with pytest.raises(DataError, match=r"one group(.|\n)*of 7 images"):
        GroupRobust(Objective(), [7])


def test_values_of_images_have_the_objective_as_their_mean():
    terms = Objective(terms={"bce": 1.0, "focal": 0.5}, positive_weight=3.0, label_smoothing=0.1)
    torch.testing.assert_close(terms.of_each(Z, Y).mean(), terms(Z, Y))


def test_large_steps_losses_and_margins_leave_finite_weights():
    robust = GroupRobust(Objective(), [4, 400], step=10.0, adjustment=1000.0)
    label, group = torch.ones(4), torch.tensor([0, 0, 1, 1])
    for _ in range(3):
        assert float(robust(torch.full((4,), -50.0), label, group)) == 50
    assert robust.weight.tolist() == [1, 0]
