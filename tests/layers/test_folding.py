import pytest
import torch
from torch import nn

from medcnn.layers.batch_norm import BatchNorm2d
from medcnn.layers.convolution import Conv2d
from medcnn.layers.folding import fold_batch_norm, foldable_pairs
from medcnn.models.classifier import build_classifier


def trained(model, shape):
    torch.manual_seed(0)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(shape, dtype=next(model.parameters()).dtype))
    return model.eval()


@pytest.mark.parametrize("conv", [nn.Conv2d, Conv2d])
@pytest.mark.parametrize("norm", [nn.BatchNorm2d, BatchNorm2d])
def test_a_folded_pair_gives_the_same(conv, norm):
    model = trained(nn.Sequential(conv(2, 4, 3), norm(4), nn.ReLU()).double(), (4, 2, 6, 6))
    folded = fold_batch_norm(model)
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(folded(x), model(x), rtol=0, atol=1e-12)
    assert isinstance(folded[1], nn.Identity)
    assert isinstance(model[1], nn.modules.batchnorm._BatchNorm), "the model itself is not changed"


def test_a_fully_connected_layer_folds_too():
    model = trained(nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)).double(), (9, 5))
    x = torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(fold_batch_norm(model)(x), model(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "densenet121"])
def test_a_whole_network_gives_the_same_logits(name):
    network = trained(build_classifier(name, weights="none", image_size=32), (4, 1, 32, 32))
    folded = fold_batch_norm(network)
    x = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-4)
    count = [sum(isinstance(m, nn.BatchNorm2d) for m in n.modules()) for n in (network, folded)]
    assert count[1] < count[0]


def test_a_convolution_that_is_used_twice_stays():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)

        def forward(self, x):
            hidden = self.conv(x)
            return self.norm(hidden) + hidden

    assert foldable_pairs(Shared()) == []
