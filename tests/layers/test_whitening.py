import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from medcnn.errors import ConfigError, DataError
from medcnn.layers.whitening import Whitening


def data(n=400):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(n, 4, generator=generator).double()
        @ torch.randn(4, 4, generator=generator).double()
        + 2
    )


def test_pca_components_are_those_of_scikit_learn_up_to_sign():
    x = data()
    ours = Whitening(4, "pca", eps=0.0).double().fit([x])(x).numpy()
    theirs = PCA(whiten=True).fit_transform(x.numpy())
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-8)


def test_zca_has_identity_covariance_and_stays_closest_to_the_input():
    x = data()
    out = Whitening(4, "zca", eps=0.0).double().fit([x])(x)
    torch.testing.assert_close(
        torch.cov(out.T), torch.eye(4, dtype=torch.float64), atol=1e-8, rtol=0
    )


def test_batches_give_what_the_whole_gives():
    x = data()
    whole, parts = Whitening(4).double().fit([x]), Whitening(4).double().fit(x.split(37))
    torch.testing.assert_close(whole.matrix, parts.matrix)
    torch.testing.assert_close(whole.mean, parts.mean)


def test_a_fitted_state_travels():
    layer = Whitening(4).double().fit([data()])
    other = Whitening(4).double()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(data()), layer(data()))


def test_misuse_is_refused():
    with pytest.raises(ConfigError, match="has not been fitted"):
        Whitening(4)(torch.zeros(2, 4))
    with pytest.raises(ConfigError, match="Unknown kind"):
        Whitening(4, "lda")
    with pytest.raises(DataError, match="cannot be fitted"):
        Whitening(4).fit([torch.zeros(1, 4)])
