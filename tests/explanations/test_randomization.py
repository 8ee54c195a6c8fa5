import copy

import numpy as np
import pytest
import torch
from scipy import stats
from skimage.metrics import structural_similarity
from torch import nn

from medcnn.explanations.randomization import LEVELS, cascade, shuffle, similarity
from medcnn.models import build_classifier


def test_the_cascade_goes_from_the_head_to_the_first_stage(model, image):
    parts = [part for part, _ in cascade(model.network, image)]
    stages = [name for name, _ in model.network.backbone.stages]
    assert parts == ["head", *reversed(stages)]


def test_every_level_keeps_what_lies_below(model, image):
    before = copy.deepcopy(model.network.state_dict())
    for part, forgetful in cascade(model.network, image):
        if part == "head":
            hidden = forgetful.backbone.up_to("layer1", image)
            after = copy.deepcopy(model.network).backbone.body.state_dict()
            theirs = forgetful.backbone.body.state_dict()
            weights = [key for key in after if "running" not in key and "num_batches" not in key]
            assert all(torch.equal(after[key], theirs[key]) for key in weights)
            assert hidden.isfinite().all()
    assert all(torch.equal(value, before[key]) for key, value in model.network.state_dict().items())
    for key, value in dict(model.network.named_parameters()).items():
        other = dict(forgetful.named_parameters())[key]
        if value.unique().numel() > 2:
            assert not torch.equal(value, other), key


def test_many_parts_are_looked_at_in_few_levels():
    network = build_classifier("timm:test_vit", weights="none", image_size=32).eval()
    parts = [part for part, _ in cascade(network, torch.rand(2, 1, 32, 32))]
    assert len(parts) == LEVELS and parts[0] == "head" and parts[-1] == "stem"


def test_shuffling_keeps_the_values_and_loses_their_order():
    weight = nn.Parameter(torch.randn(20, 30))
    before = weight.detach().clone()
    shuffle([weight], torch.Generator().manual_seed(0))
    torch.testing.assert_close(weight.flatten().sort()[0], before.flatten().sort()[0])
    assert not torch.equal(weight, before)


def test_batch_norm_is_measured_anew_so_that_the_signal_lives():
    torch.manual_seed(0)
    network = build_classifier("resnet18", weights="none", image_size=32).eval()
    image = torch.randn(8, 1, 32, 32)
    *_, (_, forgetful) = cascade(network, image)
    assert not any(module.training for module in forgetful.modules())
    norms = [m for m in forgetful.modules() if isinstance(m, nn.BatchNorm2d)]
    last = norms[-1]
    seen = []
    last.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        forgetful(image)
        unscaled = (seen[0] - last.bias[:, None, None]) / last.weight[:, None, None]
    assert unscaled.std((0, 2, 3)).median() == pytest.approx(1.0, abs=0.1)


def test_similarity_is_scipys_and_scikit_images():
    first, second = torch.rand(2, 64, 64), torch.rand(2, 64, 64)
    second[1] = first[1] ** 2
    spearman, ssim = similarity(first, second)
    for row in range(2):
        a, b = first[row].numpy(), second[row].numpy()
        assert spearman[row] == pytest.approx(stats.spearmanr(a.ravel(), b.ravel()).statistic)
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        _, theirs = structural_similarity(a, b, data_range=1.0, full=True, **options)
        # The two mirror the image at its edge in different ways.
        assert ssim[row] == pytest.approx(theirs.mean(), abs=0.01)
    assert spearman[1] == pytest.approx(1.0) and abs(spearman[0]) < 0.2


def test_empty_heat_is_like_nothing_and_has_nothing_to_compare():
    some, empty = torch.rand(1, 16, 16), torch.zeros(1, 16, 16)
    assert [value[0] for value in similarity(some, empty)] == [0.0, 0.0]
    assert all(np.isnan(value[0]) for value in similarity(empty, some))
