from functools import partial

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from medcnn.errors import ConfigError
from medcnn.models.autoencoder import Autoencoder, Corruption, kl_sparsity, pretrain_stack


def data(n=256, dims=12, rank=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(rank, dims, generator=generator)
    return torch.randn(n, rank, generator=generator) @ basis / rank**0.5


def test_the_sparsity_penalty_is_the_kl_divergence_of_two_bernoullis():
    mean = torch.tensor([0.05, 0.2, 0.5], dtype=torch.float64)
    bernoulli = torch.distributions.Bernoulli
    expected = sum(
        torch.distributions.kl_divergence(
            bernoulli(torch.tensor(0.05, dtype=torch.float64)), bernoulli(p)
        )
        for p in mean
    )
    assert float(kl_sparsity(mean.expand(7, 3), 0.05)) == pytest.approx(float(expected), abs=1e-12)


def test_the_penalty_has_the_gradient_of_the_lecture():
    activation = torch.rand(5, 4, dtype=torch.float64).requires_grad_()
    rho = 0.1
    kl_sparsity(activation, rho).backward()
    mean = activation.detach().mean(0)
    expected = (-rho / mean + (1 - rho) / (1 - mean)) / 5
    assert torch.allclose(activation.grad, expected.expand(5, 4))
    assert torch.autograd.gradcheck(lambda x: kl_sparsity(x, rho), activation)


def test_tied_weights_decode_by_the_transposed_encoder():
    network = Autoencoder(6, 4, tied=True)
    hidden = torch.rand(3, 4)
    assert torch.allclose(network.decode(hidden), hidden @ network.encoder.weight + network.bias)
    assert {name for name, _ in network.named_parameters()} == {
        "bias",
        "encoder.weight",
        "encoder.bias",
    }


def test_untied_weights_are_its_own():
    assert "decoder.weight" in dict(Autoencoder(6, 4, tied=False).named_parameters())


def test_the_loss_is_the_squared_error_of_a_whole_image_and_the_penalty():
    network, x = Autoencoder(6, 4, beta=2.0, rho=0.2), torch.rand(5, 6)
    error = ((network(x) - x) ** 2).sum() / 5
    penalty = kl_sparsity(network.encode(x), 0.2)
    assert torch.allclose(network.loss(x), error + 2 * penalty)


def test_masking_hides_about_its_share_and_noise_has_its_spread():
    x = torch.ones(200, 200)
    dirty = Corruption(masking=0.3)(x, torch.Generator().manual_seed(0))
    assert float((dirty == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert set(dirty.unique().tolist()) == {0.0, 1.0}
    noisy = Corruption(noise=0.5)(x, torch.Generator().manual_seed(0))
    assert float((noisy - x).std()) == pytest.approx(0.5, abs=0.01)


def test_a_stack_learns_more_than_the_mean_and_less_than_pca_can():
    x = data()
    torch.manual_seed(0)
    (layer,) = pretrain_stack(x, [6], partial(Autoencoder, tied=False), epochs=60, lr=1e-2)
    hidden = torch.sigmoid(layer(x)).detach().numpy()
    design = np.c_[hidden, np.ones(len(hidden))]
    fitted = design @ np.linalg.lstsq(design, x.numpy(), rcond=None)[0]
    error = ((x.numpy() - fitted) ** 2).sum()
    pca = PCA(3).fit(x.numpy())
    floor = ((x.numpy() - pca.inverse_transform(pca.transform(x.numpy()))) ** 2).sum()
    assert floor <= error < 0.3 * float(((x - x.mean(0)) ** 2).sum())


def test_each_layer_of_a_stack_is_trained_on_what_the_one_below_returns():
    make = partial(Autoencoder, corruption=Corruption(masking=0.2))
    layers = pretrain_stack(data(), [8, 4], make, epochs=2)
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(12, 8), (8, 4)]
    again = pretrain_stack(data(), [8, 4], make, epochs=2)
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(layers, again, strict=True))


def test_the_penalty_makes_the_units_rarely_active():
    x = data()
    active = {
        beta: float(
            torch.sigmoid(
                pretrain_stack(x, [8], partial(Autoencoder, beta=beta), epochs=60, lr=2e-2)[0](x)
            )
            .detach()
            .mean()
        )
        for beta in (0.0, 50.0)
    }
    assert active[50.0] < 0.12 < 0.3 < active[0.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Corruption(masking=1.0),
        lambda: Corruption(noise=-1),
        lambda: Autoencoder(2, 2, rho=0),
        lambda: Autoencoder(2, 2, beta=-1),
    ],
)
def test_bad_values_are_refused(make):
    with pytest.raises(ConfigError, match="does not fit"):
        make()
