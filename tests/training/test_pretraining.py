import numpy as np
import pandas as pd
import pytest
import torch

import medcnn
from medcnn.augment.normalize import normalize
from medcnn.files.plain import read_json
from medcnn.models.conv_autoencoder import build_autoencoder
from medcnn.settings.composition import compose
from medcnn.training.fitting import unlike_origin
from medcnn.training.settings import check
from medcnn.training.story import resume
from medcnn.training.tasks.reconstruction import XrayReconstruction

ASKED = [
    "task=autoencoder",
    "trainer.max_epochs=2",
    "optimizer.lr=3e-3",
    "callbacks.monitor=val_loss",
]


@pytest.fixture(scope="module")
def encoder(easy_data, tmp_path_factory):
    return medcnn.train(
        [*easy_data, *ASKED, f"run_dir={tmp_path_factory.mktemp('ae') / 'run'}"]
    ).paths


def test_it_leaves_an_error_with_its_interval_beside_that_of_the_mean_image(encoder):
    found = read_json(encoder.results)
    val = pd.read_csv(encoder.manifest)["split"].eq("val").sum()
    assert (found["task"], found["split"], found["n"]) == ("autoencoder", "val", val)
    for name in ("reconstruction_error", "error_of_the_mean_image"):
        low, high = found[name]["ci"]
        assert low <= found[name]["value"] <= high and found[name]["method"] == "bootstrap-bca"
    # In units of the pixel variance, so guessing the mean costs about 1.
    assert found["error_of_the_mean_image"]["value"] == pytest.approx(1, abs=0.3)
    assert found["reconstruction_error"]["value"] != found["error_of_the_mean_image"]["value"]
    assert (encoder.figures / "reconstruction.png").read_bytes().startswith(b"\x89PNG")
    assert not encoder.predictions("test").exists()


def test_the_loss_of_the_curves_is_the_error_of_the_best_epoch(encoder):
    losses = pd.read_csv(encoder.metrics)["val_loss"]
    found = read_json(encoder.results)["reconstruction_error"]["value"]
    assert found == pytest.approx(losses.min(), rel=1e-3)


def test_labels_are_never_read(encoder, easy_data, tmp_path):
    root = next(text for text in easy_data if "data.root" in text).partition("=")[2]
    table = pd.read_csv(root)
    folder = root.rpartition("/")[0]
    table["path"] = [f"{folder}/{name}" for name in table["path"]]
    split = pd.read_csv(encoder.split)
    split.to_csv(tmp_path / "split.csv", index=False)
    # Another permutation of the labels among the patients, over the same split.
    patients = table.groupby("patient_id")["label"].first()
    table["label"] = table["patient_id"].map(
        dict(zip(patients.index, np.roll(patients.to_numpy(), 1), strict=True))
    )
    table.to_csv(tmp_path / "manifest.csv", index=False)
    other = medcnn.train(
        [*easy_data, *ASKED, f"data.root={tmp_path / 'manifest.csv'}",
         f"data.split={tmp_path / 'split.csv'}", f"run_dir={tmp_path / 'run'}"]
    ).paths  # fmt: skip
    assert (
        read_json(other.results)["reconstruction_error"]
        == read_json(encoder.results)["reconstruction_error"]
    )


def test_a_classifier_starts_from_the_encoder(encoder, easy_data, tmp_path):
    run = medcnn.train(
        [*easy_data, "trainer.max_epochs=1", f"model.weights={encoder.path}",
         f"run_dir={tmp_path / 'run'}"]
    ).paths  # fmt: skip
    weights = read_json(run.environment)["weights"]
    assert weights["loaded"] == "file" and weights["sha256"]


@pytest.mark.parametrize("kind", ["image", "histogram", "local"])
def test_what_is_recreated_is_the_image_as_a_classifier_would_see_it(kind):
    image, shares = torch.rand(3, 1, 32, 32), torch.linspace(1 / 256, 1, 256).tolist()
    model = check(compose("train", ["model=tiny_resnet", "data.image_size=32"])).model
    task = XrayReconstruction(
        build_autoencoder(model, masking=0.5, patch=8, noise=0.0),
        optimizer=None, schedule=None, pixel_mean=0.4, pixel_std=0.2,
        normalization=kind, pixel_shares=shares,
    )  # fmt: skip
    error, made = task.errors({"image": image}, [1, 0, 0])
    seen = normalize(image, kind, 0.4, 0.2, torch.tensor(shares))
    torch.testing.assert_close(error, (made - seen).square().mean((1, 2, 3)))


def test_an_encoder_of_images_that_were_normalised_otherwise_is_told(encoder):
    found = check(compose("train", [f"model.weights={encoder.path}", "data.normalize=local"]))
    (told,) = unlike_origin(found)
    assert "data.normalize=dataset, and these are local" in str(told)
    assert not list(unlike_origin(check(compose("train", [f"model.weights={encoder.path}"]))))


def test_a_finished_one_is_left_as_it_is(encoder, capsys):
    resume(encoder)
    assert f"model.weights={encoder.path}" in capsys.readouterr().out
