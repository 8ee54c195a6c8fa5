"""Training xray_cnn with medcnn's layers and with torch's is the same training."""

import numpy as np
import pytest
import torch

from medcnn.models import build_classifier

OPTIONS = [
    {"norm_place": "before", "block_dropout": 0.1, "hidden": [6], "hidden_dropout": 0.2},
    {"norm_place": "after", "activation": "elu", "pooling": "average", "readout": "max"},
    {
        "norm": "group",
        "activation": "leaky_relu",
        "dropout_kind": "dropout2d",
        "block_dropout": 0.2,
    },
]


def losses(layers, dtype, layout=torch.contiguous_format, seed=0, **options):
    torch.manual_seed(seed)
    network = build_classifier(
        "xray_cnn", weights="none", layers=layers, image_size=16, widths=[4, 8], **options
    ).to(dtype)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    found = []
    for _ in range(25):
        label = torch.randint(0, 2, (16,)).to(dtype)
        stripes = (torch.arange(16) % 4 < 2).to(dtype) * label[:, None, None, None]
        image = torch.randn(16, 1, 16, 16, dtype=dtype) + 3 * stripes
        logit = network(image.contiguous(memory_format=layout))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return np.array(found)


@pytest.mark.parametrize("options", OPTIONS, ids=["batch_norm", "after", "group_norm"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_loss_curve_is_the_same_within_the_rounding_of_the_number_format(options, layout):
    theirs = losses("torch", torch.float32, layout, **options)
    np.testing.assert_allclose(
        losses("medcnn", torch.float32, layout, **options), theirs, atol=1e-4
    )
    wide = losses("torch", torch.float64, layout, **options)
    np.testing.assert_allclose(
        losses("medcnn", torch.float64, layout, **options), wide, rtol=0, atol=1e-12
    )


def test_something_is_learnt_and_another_seed_is_another_curve():
    one, other = (losses("medcnn", torch.float32, seed=seed, **OPTIONS[0]) for seed in (0, 1))
    assert one[-5:].mean() < 0.8 * one[:5].mean()
    assert np.abs(one - other).max() > 0.02
