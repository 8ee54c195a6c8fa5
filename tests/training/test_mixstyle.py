import os

import numpy as np
import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.models import build_classifier
from medcnn.training.distributed import own_rows
from medcnn.training.mixstyle import MixStyle, restyled
from medcnn.training.ranks import together

MAPS = torch.tensor(np.random.default_rng(0).normal(2, 3, (5, 4, 6, 6)), dtype=torch.float32)
PARTNER, WEIGHT = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([1.0, 0.0, 0.5, 0.3, 0.9])


def authors(x, perm, lmda):
    """The function of the authors' repository, whose variance is the paper's."""
    mu = x.mean(dim=[2, 3], keepdim=True)
    sig = (x.var(dim=[2, 3], keepdim=True, correction=0) + 1e-6).sqrt()
    mu, sig = mu.detach(), sig.detach()
    x_normed = (x - mu) / sig
    lmda = lmda[:, None, None, None]
    return x_normed * (sig * lmda + sig[perm] * (1 - lmda)) + mu * lmda + mu[perm] * (1 - lmda)


def test_maps_and_their_gradient_are_those_of_the_authors():
    ours, theirs = (MAPS.clone().requires_grad_() for _ in range(2))
    one, two = restyled(ours, PARTNER, WEIGHT), authors(theirs, PARTNER, WEIGHT)
    torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)
    one.square().sum().backward()
    two.square().sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one[0], MAPS[0])
    assert restyled(MAPS.bfloat16(), PARTNER, WEIGHT).dtype == torch.bfloat16


def half():
    torch.distributed.init_process_group("gloo", rank=int(os.environ["LOCAL_RANK"]), world_size=2)
    both = [None, None]
    torch.distributed.all_gather_object(both, restyled(own_rows(MAPS), PARTNER, WEIGHT, len(MAPS)))
    return both


def test_two_processes_mix_the_batch_that_one_would(quick_start):
    parts = torch.cat(together(half, (), 2))
    torch.testing.assert_close(parts, restyled(MAPS, PARTNER, WEIGHT))


def network(name="tiny_resnet", **options):
    torch.manual_seed(0)
    return build_classifier(name, weights="none", dropout=0.0, image_size=32, **options).eval()


def test_only_a_batch_of_training_is_mixed_and_its_key_repeats_it():
    model, image = network(), torch.rand(6, 1, 32, 32)
    plain = model(image)
    mix = MixStyle(1.0, 0.5)
    mix.attach(model.backbone)
    seen = []
    for seed in (1, 1, 2):
        with mix.batch(np.random.default_rng(seed), None):
            seen.append(model(image))
    assert torch.equal(model(image), plain) and torch.equal(seen[0], seen[1])
    assert not torch.allclose(seen[0], plain) and not torch.allclose(seen[0], seen[2])
    hooked = [name for name, stage in model.backbone.stages if stage._forward_hooks]
    assert hooked == ["layer1", "layer2"]
    mix.p = 0.0
    with mix.batch(np.random.default_rng(1), None):
        assert torch.equal(model(image), plain)


@pytest.mark.parametrize(
    ("name", "stages", "message"),
    [
        ("tiny_resnet", ["layer9"], "layer9"),
        ("swin_t", [], "NHWC"),
    ],
)
def test_where_it_cannot_be_put_is_said(name, stages, message):
    with pytest.raises(ConfigError, match=message):
        MixStyle(0.5, stages=stages).attach(network(name).backbone)
