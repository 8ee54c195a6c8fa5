import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.detector import Detector
from medcnn.data.cache.cache import build_cache
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.manifest import build_manifest
from medcnn.inference.out_of_distribution import fit_on_images, load_detector, measure
from medcnn.io import Facts
from medcnn.models.classifier import build_classifier
from medcnn.run.directory import RunDir

CALIBRATOR = Calibrator("temperature", (1.5,))


class Model:
    def __init__(self):
        torch.manual_seed(0)
        self.network = build_classifier("tiny_resnet", weights="none", image_size=32).eval()

    def normalize(self, image):
        return (image - 0.5) / 0.25


def chests(n, seed, size=32):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    images = []
    for _ in range(n):
        dx, dy, light = rng.normal(0, 0.02), rng.normal(0, 0.02), rng.uniform(0.6, 0.8)
        lungs = sum(
            ((x - c - dx) / 0.14) ** 2 + ((y - 0.5 - dy) / 0.3) ** 2 < 1 for c in (0.3, 0.7)
        )
        images.append(np.where(lungs, 0.25, light) + rng.normal(0, 0.02, (size, size)))
    return (255 * np.clip(images, 0, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    images = chests(200, 0)
    np.savez(folder / "images.npz", images=images)
    table = pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(200)],
            "path": [f"{folder / 'images.npz'}#images/{k}" for k in range(200)],
            "label": np.arange(200) % 2,
            "patient_id": [f"p{k}" for k in range(200)],
            "split": np.repeat(["train", "val", "test"], [100, 60, 40]),
        }
    )
    manifest = build_manifest(table, source="test")
    cache = build_cache(manifest.table, size=32, root=folder / "cache", workers=0, progress=False)
    data = XrayDataModule(manifest, cache, augment=None, batch_size=16)
    model = Model()
    detector, judged = fit_on_images(model, data, CALIBRATOR, "mahalanobis", quantile=0.98)
    return model, data, detector, judged


def see(watched, images):
    model, _, detector, _ = watched
    pixels = torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
    return measure(model, pixels, detector.inputs, CALIBRATOR)


def test_one_pass_gives_the_logit_of_the_whole_network(watched):
    model = watched[0]
    images = chests(5, 9)
    pixels = torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
    with torch.inference_mode():
        expected = model.network(model.normalize(pixels)).numpy()
    seen = see(watched, images)
    np.testing.assert_allclose(seen.logit, expected, rtol=1e-5)
    np.testing.assert_allclose(seen.p, expit(seen.logit / 1.5))


def test_validation_is_flagged_as_rarely_as_asked_and_rows_stay_in_order(watched):
    _, data, detector, judged = watched
    assert judged["val"]["out_of_distribution"].mean() <= 0.02 + 1 / 60
    assert judged["test"]["out_of_distribution"].mean() <= 0.2
    batch = next(iter(data.loader("test")))
    direct = detector.flag(measure(watched[0], batch["image"], detector.inputs, CALIBRATOR))
    np.testing.assert_allclose(direct["ood_score"], judged["test"]["ood_score"][: len(direct)])


def test_corrupted_images_are_found(watched):
    detector = watched[2]
    clean = chests(60, 5)
    changes = {
        "inverted": 255 - clean,
        "turned": np.rot90(clean, axes=(1, 2)).copy(),
        "noise": np.random.default_rng(0).integers(0, 256, clean.shape).astype(np.uint8),
    }
    usual = detector.flag(see(watched, clean))
    for name, images in changes.items():
        found = detector.flag(see(watched, images))
        assert found["out_of_distribution"].mean() == 1.0, name
        scores = np.r_[usual["ood_score"], found["ood_score"]]
        assert roc_auc_score(np.repeat([0, 1], 60), scores) > 0.9, name
    reasons = detector.flag(see(watched, changes["inverted"]))["ood_reasons"]
    assert reasons.str.contains("looks inverted").all()


def test_facts_of_a_file_flag_what_its_pixels_do_not(watched):
    seen = see(watched, chests(1, 6))
    hand = Facts("dicom", 2000, 2000, 12, "MONOCHROME2", body_part="HAND", modality="CR")
    found = watched[2].flag(seen, [hand])
    assert found["out_of_distribution"][0] == 1
    assert "the body part is HAND" in found["ood_reasons"][0]


def test_the_run_keeps_the_detector(watched, tmp_path):
    run = RunDir(tmp_path)
    assert load_detector(run) is None
    watched[2].save(run.out_of_distribution)
    assert isinstance(load_detector(run), Detector)
