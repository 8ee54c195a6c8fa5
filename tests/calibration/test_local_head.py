import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from medcnn.calibration import local_head
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.local_head import check_enough, fit_head
from medcnn.errors import DataError
from medcnn.metrics.auroc import auroc_value


def cases(n, seed, *, unknown=0.0, width=24):
    """Return features, labels and home's logits, which do not know what one feature tells here."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.4).astype(int)
    features = rng.normal(size=(n, width)) * np.linspace(2, 0.2, width)
    features[:, 3] += 1.5 * label
    features[:, 5] += unknown * label
    features[:, -1] = 7.0  # a dead one
    return features, label, 1.2 * features[:, 3] - 1.5


def fitted(n, seed, **drawn):
    features, label, logit = cases(n, seed, **drawn)
    patient = [f"p{row // 2}" for row in range(n)]
    return features, label, logit, fit_head(Calibrator(), features, logit, label, patient)


def test_the_penalised_likelihood_is_flat_at_the_head_by_autograd(monkeypatch):
    monkeypatch.setattr(local_head, "STRENGTHS", (0.7,))
    features, label, logit, head = fitted(300, 0, unknown=1.0)
    slope, intercept = local_head.mode(logit, label, free_slope=True)
    scale = np.zeros(features.shape[1])
    scale[:-1] = 1 / (features[:, :-1].std(0) * np.sqrt(features.shape[1] - 1))
    assert head.move.weights[-1] == 0
    free = torch.zeros(len(scale), dtype=torch.float64)
    free[:-1] = torch.from_numpy(head.move.weights[:-1] * slope / scale[:-1])
    offset = head.move.of(features.mean(0)) * slope
    free, offset = free.requires_grad_(), torch.tensor(offset, requires_grad=True)
    x = torch.from_numpy((features - features.mean(0)) * scale)
    score = torch.from_numpy(slope * logit + intercept) + x @ free + offset
    misfit = binary_cross_entropy_with_logits(
        score, torch.from_numpy(label).double(), reduction="sum"
    )
    (misfit + (free / 0.7).square().sum() / 2 + (offset / 3).square() / 2).backward()
    assert max(free.grad.abs().max(), offset.grad.abs()) < 0.01 < misfit / 1000


def test_the_head_moves_where_features_tell_what_home_did_not_know_and_else_stays():
    _, _, _, head = fitted(400, 1, unknown=1.5)
    there, truth, said = cases(4000, 99, unknown=1.5)
    old, new = auroc_value(truth, said), auroc_value(truth, said + head.move.of(there))
    assert head.strength > 0 and new > old + 0.03
    stays = [fitted(200, seed)[-1] for seed in range(2, 8)]
    assert sum(each.strength == 0 for each in stays) >= 4
    assert all(not each.move.weights.any() for each in stays if each.strength == 0)


def test_what_is_said_out_of_fold_does_not_know_the_case_or_its_patient():
    rng = np.random.default_rng(3)
    features, label = rng.normal(size=(80, 200)), np.repeat(np.tile([0, 1], 20), 2)
    features[1::2] = features[::2]  # two images a patient, the same
    patient = [f"p{row // 2}" for row in range(80)]
    local = fit_head(Calibrator(), features, rng.normal(size=80), label, patient)
    for out, _ in local.folds:
        assert not set(np.flatnonzero(out) // 2) & set(np.flatnonzero(~out) // 2)
    assert sum(out.astype(int) for out, _ in local.folds).tolist() == [1] * 80
    said = local.out_of_fold(features[None])[0]
    assert abs((auroc_value(label, said) or 0.5) - 0.5) < 0.25


@pytest.mark.parametrize("counts", [(19, 200), (200, 19), (0, 50)])
def test_too_few_of_a_class_are_refused(counts):
    with pytest.raises(DataError, match="too few to refit the head"):
        check_enough(np.repeat([0, 1], counts))
