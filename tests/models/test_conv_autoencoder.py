import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.models.classifier import build_classifier
from medcnn.models.conv_autoencoder import build_autoencoder
from medcnn.models.settings import Model
from medcnn.settings.reading import read

MODEL = read(
    Model,
    {
        "_target_": "medcnn.models.build_classifier",
        "backbone": "tiny_resnet",
        "weights": "none",
        "dropout": 0.2,
        "image_size": 32,
        "widths": [8, 16],
    },
)


def autoencoder(**options):
    torch.manual_seed(0)
    return build_autoencoder(MODEL, **{"masking": 0.5, "patch": 4, "noise": 0.0, **options})


@pytest.mark.parametrize("name", ["tiny_resnet", "resnet18", "densenet121"])
def test_the_image_comes_back_in_its_size(name):
    model = MODEL.without("widths").changed(backbone=name)
    network = build_autoencoder(model, masking=0.5, patch=4, noise=0.0)
    assert network(torch.randn(2, 1, 32, 32)).shape == (2, 1, 32, 32)


def test_hidden_patches_are_whole_and_the_rest_is_untouched():
    network, image = autoencoder(), torch.randn(64, 1, 32, 32)
    dirty, mask = network.corrupt(image, torch.Generator().manual_seed(0))
    patches = mask.reshape(64, 8, 4, 8, 4).transpose(2, 3).flatten(3)
    assert set(patches.sum(-1).unique().tolist()) == {0.0, 16.0}
    assert float(mask.mean()) == pytest.approx(0.5, abs=0.03)
    assert torch.equal(dirty[mask == 0], image[mask == 0])
    assert bool((dirty[mask == 1] == 0).all())


def test_an_odd_patch_covers_the_border_too():
    _, mask = autoencoder(patch=5).corrupt(torch.randn(2, 1, 32, 32), torch.Generator())
    assert mask.shape == (2, 1, 32, 32)


def test_a_few_steps_recreate_better_than_the_mean_image():
    network = autoencoder(masking=0.25)
    ramp = torch.linspace(-1, 1, 32)
    image = torch.stack([ramp.expand(32, 32) * scale for scale in (1, -1, 1.5, -1.5)]).unsqueeze(1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for step in range(40):
        dirty, _ = network.corrupt(image, torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss = (network(dirty) - image).square().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.3 * float(image.square().mean())


def test_a_classifier_starts_from_the_encoder(tmp_path):
    network = autoencoder()
    path = tmp_path / "checkpoints" / "best.ckpt"
    path.parent.mkdir()
    torch.save({"state_dict": {f"network.{k}": v for k, v in network.state_dict().items()}}, path)
    (tmp_path / "config.yaml").touch()
    classifier = build_classifier(
        "tiny_resnet", weights=str(tmp_path), image_size=32, widths=[8, 16]
    )
    assert classifier.weights_origin.loaded == "file"
    image = torch.randn(2, 1, 32, 32)
    network.eval()
    classifier.eval()
    maps = network.encode(image)
    assert torch.allclose(classifier.features(image), maps.mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"masking": 1.0}, {"noise": -0.1}, {"patch": 0}, {"patch": 99}]
)
def test_bad_values_are_refused(options):
    with pytest.raises(ConfigError, match="does not fit"):
        autoencoder(**options)
