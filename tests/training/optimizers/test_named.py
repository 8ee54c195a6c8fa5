"""Every optimiser drives a tiny task as torch's own class does by hand."""

import copy

import pytest
import torch
from hydra.utils import instantiate
from torch import nn

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose, config_folder
from medcnn.training.optimizers.named import NAMES, PLAIN, carry_over, make_optimizer, scale_rates

CONFIGURED = sorted(path.stem for path in (config_folder() / "optimizer").glob("*.yaml"))
DENSE = sorted(set(CONFIGURED) - {"sparse_adam"})


def configured(name, *more):
    options = dict(compose("train", [f"optimizer={name}", *more]).optimizer)
    options.pop("rates")
    if options.get("fused") == "auto":
        options["fused"] = True
    return options


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 1)).double()


def decay_groups(network, lr, decay):
    weights = [p for p in network.parameters() if p.ndim > 1]
    biases = [p for p in network.parameters() if p.ndim == 1]
    return [
        {"params": weights, "lr": lr, "weight_decay": decay},
        {"params": biases, "lr": lr, "weight_decay": 0.0},
    ]


def closure_of(network, optimizer):
    image = torch.randn(8, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def closure():
        optimizer.zero_grad()
        loss = network(image).square().mean()
        loss.backward()
        return loss

    return closure


def test_every_optimizer_has_a_configuration_of_its_name():
    assert set(CONFIGURED) == set(NAMES)
    torchs = {getattr(torch.optim, name) for name in torch.optim.__all__ if name[0].isupper()}
    assert torchs - set(PLAIN.values()) <= {
        torch.optim.Optimizer,
        getattr(torch.optim, "Muon", None),
    }


@pytest.mark.parametrize("name", sorted(set(DENSE) - {"muon", "sam"}))
def test_plain_ones_are_those_of_torch(name, network):
    options = configured(name)
    other = copy.deepcopy(network)
    groups = decay_groups(network, options["lr"], options.get("weight_decay", 0.0))
    ours = instantiate(options, _partial_=True)(groups)
    kept = {k: v for k, v in options.items() if k not in ("_target_", "name", "fused")}
    if "betas" in kept:
        kept["betas"] = tuple(kept["betas"])
    decay = kept.pop("weight_decay", 0.0)
    theirs = (
        PLAIN[name](other.parameters(), **kept)
        if name in ("lbfgs", "rprop")
        else PLAIN[name](decay_groups(other, kept["lr"], decay), **kept)
    )
    for _ in range(3):
        for model, optimizer in ((network, ours), (other, theirs)):
            optimizer.step(closure_of(model, optimizer))
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", DENSE)
def test_each_drives_the_task(name, tiny):
    options = configured(name)
    task = tiny.make_task(
        optimizer=instantiate(options, _partial_=True), lr=options["lr"], mix=None
    )
    task.weight_decay = options.get("weight_decay", 0.0)
    before = copy.deepcopy(task.network.state_dict())
    _, trainer = tiny(task=task, epochs=1, gradient_clip_val=None if name == "lbfgs" else 1.0)
    assert trainer.global_step == 6
    assert torch.isfinite(trainer.logged_metrics["train_loss"])
    assert not torch.equal(before["linear.weight"], task.network.linear.weight)


def test_sparse_adam_says_where_it_applies(network):
    groups = decay_groups(network, 0.1, 0.0)
    optimizer = make_optimizer(groups, name="sparse_adam", lr=0.1)
    with pytest.raises(ConfigError, match="SparseAdam is for sparse gradients"):
        optimizer.step(closure_of(network, optimizer))
    embedding = nn.Embedding(5, 2, sparse=True)
    optimizer = make_optimizer(
        [{"params": [embedding.weight], "lr": 0.1}], name="sparse_adam", lr=1.0
    )
    before = embedding.weight.detach().clone()
    embedding(torch.tensor([1, 3])).sum().backward()
    optimizer.step()
    changed = (embedding.weight.detach() != before).any(1)
    assert changed.tolist() == [False, True, False, True, False]


def test_rates_are_scaled_by_name(network):
    groups = scale_rates(decay_groups(network, 0.1, 0.01), network, {"3.*": 10, "3.bias": 0.5})
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert rates[id(network[0].weight)] == 0.1
    assert rates[id(network[3].weight)] == pytest.approx(1.0)
    assert rates[id(network[3].bias)] == pytest.approx(0.05)
    assert sum(len(group["params"]) for group in groups) == 4
    with pytest.raises(ConfigError, match=r"parameter in optimizer\.rates"):
        scale_rates(groups, network, {"head.*": 2})
    with pytest.raises(ConfigError, match="0 or more"):
        scale_rates(groups, network, {"3.*": -1})


def test_a_new_optimizer_keeps_what_the_old_one_learnt(network):
    first = torch.optim.Adam(network[3].parameters(), lr=0.1)
    first.step(closure_of(network, first))
    second = torch.optim.Adam(network.parameters(), lr=0.1)
    carry_over(first, second)
    assert second.state[network[3].weight] is first.state[network[3].weight]
    assert network[0].weight not in second.state


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adamm"}, "no optimiser named"),
        ({"name": "rprop", "weight_decay": 0.1}, "has no weight decay"),
        ({"name": "sgd", "momentum": -1.0}, "cannot be set up"),
        ({"name": "adam", "gamma": 1.0}, "cannot be set up"),
        ({"name": "sam", "base": "lbfgs", "rho": 0.1}, "SAM cannot be built on lbfgs"),
        ({"name": "sam", "base": "sgd", "rho": 0.0}, "rho cannot be"),
    ],
)
def test_what_does_not_fit_is_refused(network, options, message):
    with pytest.raises(ConfigError, match=message):
        make_optimizer([{"params": list(network.parameters()), "lr": 0.1}], lr=0.1, **options)


def test_lbfgs_has_one_rate(network):
    groups = scale_rates(decay_groups(network, 0.1, 0.0), network, {"3.*": 2})
    with pytest.raises(ConfigError, match="one rate"):
        make_optimizer(groups, name="lbfgs", lr=0.1)
