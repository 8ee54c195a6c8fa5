import pytest
import torch
from torch import nn

from medcnn.training.optimizers.muon import MuonWithAdamW, as_matrix

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has no Muon yet")


def run(network, optimizer, steps=3):
    image = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        network(image).square().mean().backward()
        optimizer.step()


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 1))


def test_matrices_go_to_muon_and_the_rest_to_adamw_as_torch_does_them():
    ours, theirs = linear(), linear()
    run(ours, MuonWithAdamW([{"params": list(ours.parameters())}], lr=0.02, weight_decay=0.1))
    muon = torch.optim.Muon(
        [theirs[0].weight], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    rest = [theirs[0].bias, theirs[2].weight, theirs[2].bias]
    adamw = torch.optim.AdamW(rest, lr=0.02, weight_decay=0.1, betas=(0.9, 0.95))

    class Both:
        def zero_grad(self):
            theirs.zero_grad()

        def step(self):
            muon.step()
            adamw.step()

    run(theirs, Both())
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_kernels_are_matrices_in_any_memory_layout():
    kernel = torch.randn(4, 3, 2, 2)
    assert torch.equal(as_matrix(kernel), kernel.flatten(1))
    last = kernel.contiguous(memory_format=torch.channels_last)
    matrix = as_matrix(last)
    assert matrix.data_ptr() == last.data_ptr()
    assert torch.equal(matrix, kernel.permute(0, 2, 3, 1).flatten(1))
    steps = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(kernel.clone().contiguous(memory_format=layout))
        optimizer = MuonWithAdamW([{"params": [weight]}], lr=0.1)
        weight.grad = torch.arange(48.0).view(4, 3, 2, 2).cos()
        optimizer.step()
        steps.append(weight.detach().clone())
    # Newton-Schulz runs in bfloat16, whose sums depend on the order of the columns.
    torch.testing.assert_close(steps[0], steps[1], rtol=0, atol=2e-3)


def test_its_state_survives_saving():
    whole, part = linear(), linear()
    groups = [{"params": list(whole.parameters())}], [{"params": list(part.parameters())}]
    run(whole, MuonWithAdamW(groups[0], lr=0.02), steps=4)
    first = MuonWithAdamW(groups[1], lr=0.02)
    run(part, first, steps=2)
    second = MuonWithAdamW([{"params": list(part.parameters())}], lr=0.5)
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.02
    run(part, second, steps=2)
    for a, b in zip(whole.parameters(), part.parameters(), strict=True):
        torch.testing.assert_close(a, b)
