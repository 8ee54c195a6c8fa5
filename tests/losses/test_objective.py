import pytest
import torch
import torch.nn.functional as F
from hydra.utils import instantiate

from medcnn.errors import ConfigError
from medcnn.losses import Objective, functional, ranking
from medcnn.settings.composition import compose, config_folder

Z = torch.tensor([-1.5, 0.2, 2.0, -0.3])
Y = torch.tensor([0.0, 1.0, 1.0, 0.0])
SOFT = torch.tensor([0.1, 0.7, 1.0, 0.4])
TWO = torch.stack([torch.zeros(4), Z], 1)


def test_label_smoothing_is_that_of_torch():
    ours = Objective("cross_entropy", label_smoothing=0.2)(Z, Y)
    torch.testing.assert_close(ours, F.cross_entropy(TWO, Y.long(), label_smoothing=0.2))


def test_weights_are_those_of_torch():
    ours = Objective("bce", positive_weight=3.0)(Z, SOFT)
    weight = torch.tensor(3.0)
    theirs = F.binary_cross_entropy_with_logits(Z, SOFT, pos_weight=weight)
    torch.testing.assert_close(ours, theirs)
    ours = Objective("cross_entropy", class_weights=[1.0, 4.0])(Z, Y)
    theirs = F.cross_entropy(TWO, Y.long(), weight=torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(ours, theirs)


def test_a_mixture_is_the_weighted_sum_with_options_of_its_terms():
    terms = {"bce": 1.0, "auc_margin": 0.5, "focal": {"weight": 2.0, "gamma": 3.0}}
    expected = (
        functional.bce(Z, SOFT).mean()
        + 0.5 * ranking.auc_margin(Z, SOFT)
        + 2 * functional.focal(Z, SOFT, gamma=3.0).mean()
    )
    torch.testing.assert_close(Objective(None, terms=terms)(Z, SOFT), expected)


def test_options_of_the_group_belong_to_its_loss():
    ours = Objective("focal", gamma=3.0, terms={"focal": 0.5, "bce": 1.0})(Z, Y)
    expected = 0.5 * functional.focal(Z, Y, 3.0).mean() + functional.bce(Z, Y).mean()
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("path", sorted((config_folder() / "loss").glob("*.yaml")), ids=str)
def test_every_configuration_gives_a_finite_loss_with_a_gradient(path):
    terms = ["loss.terms={bce: 1.0, auc_margin: 0.5}"] if path.stem == "mixture" else []
    loss = instantiate(compose("train", [f"loss={path.stem}", *terms]).loss)
    logit = Z.clone().requires_grad_()
    loss(logit, SOFT).backward()
    assert torch.isfinite(logit.grad).all() and logit.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "auc_margin", "positive_weight": 2.0}, "takes no weights"),
        ({"positive_weight": 2.0, "class_weights": [1.0, 1.0]}, "do not fit"),
        ({"class_weights": [1.0]}, "do not fit"),
        ({"positive_weight": -1.0}, "do not fit"),
        ({"gama": 1.0}, "option of the loss bce"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Objective(**options)
