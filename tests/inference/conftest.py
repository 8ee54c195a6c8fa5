"""Small classifiers with one stochastic layer each; runs and folders for prediction."""

import shutil
from dataclasses import asdict

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from torch import nn

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.inference.loading import calibrator_state
from medcnn.metrics.thresholds import Threshold
from medcnn.models.classifier import Classifier, build_classifier
from medcnn.models.stages import Backbone, GlobalAverage
from medcnn.models.weights import WeightsOrigin
from medcnn.predictions import write_predictions
from medcnn.run.directory import RunDir


def classifier(layer=None, *, dropout=0.0, size=12, channels=6, after=None):
    """Return a network of two stages, with a layer at the end of the second."""
    torch.manual_seed(1)
    body = nn.ModuleDict(
        {
            "one": nn.Sequential(
                nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
            ),
            "two": nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1), layer or nn.Identity()
            ),
        }
    )
    backbone = Backbone(
        "small",
        body,
        stages=[("one", body["one"]), ("two", body["two"])],
        pool=nn.Sequential(GlobalAverage(), after or nn.Identity()),
        feature_dim=channels,
    )
    if after is not None:
        body["after"] = after
    network = Classifier(
        backbone, dropout=dropout, weights_origin=WeightsOrigin("none", "random"), image_size=size
    )
    return network.eval()


@pytest.fixture
def make_classifier():
    return classifier


@pytest.fixture(scope="session")
def made_run(tmp_path_factory):
    """Return a function that writes a run as training leaves it, with random but lively weights.

    ``earlier`` is the layout of versions that kept calibrator and threshold in the checkpoint alone.
    """

    def make(
        name="run", *, seed=0, members=1, backbone="tiny_resnet", size=32, gain=2.0, earlier=False
    ):
        folder = tmp_path_factory.mktemp("made") / name
        run = RunDir(folder)
        for number in range(members):
            member = run.member(number) if members > 1 else run
            _write_member(member, seed + number, backbone, size, gain, earlier)
        if members > 1:
            shutil.copy(run.member(0).config, run.config)
            shutil.copytree(run.member(0).path / "predictions", run.path / "predictions")
        return run

    return make


def _write_member(run, seed, backbone, size, gain, earlier):
    torch.manual_seed(seed)
    options = {"backbone": backbone, "weights": "none", "dropout": 0.0, "image_size": size}
    if backbone == "tiny_resnet":
        options["widths"] = [8, 16]
    network = build_classifier(**options).train()
    with torch.no_grad():
        # Statistics that are not those of a fresh network, and an answer that depends on the image.
        for _ in range(4):
            network(torch.randn(16, 1, size, size) * torch.rand(16, 1, 1, 1))
        network.eval()
        logit = network(drawn_images(64, size, seed=99) / 255 * 2 - 1) - network.linear.bias
        network.linear.weight *= gain / logit.std()
        network.linear.bias.fill_(-(logit * gain / logit.std()).median())
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    state |= {"pixel_mean": torch.tensor(0.5), "pixel_std": torch.tensor(0.5)}
    checkpoint, calibrator = {"state_dict": state}, Calibrator("temperature", (1.5,))
    threshold = Threshold(0.5, "youden")
    run.best_checkpoint.parent.mkdir(parents=True)
    if earlier:
        checkpoint |= {
            "calibrator": calibrator_state(calibrator),
            "operating_point": asdict(threshold),
        }
    else:
        Judgement.of_one(calibrator, threshold).save(run.judgement)
    torch.save(checkpoint, run.best_checkpoint)
    settings = {
        "seed": seed,
        "data": {"image_size": size, "exact": False, "normalize": "dataset"},
        "model": {"_target_": "medcnn.models.build_classifier", **options},
        "transfer": {"_target_": "medcnn.models.transfer.Full"},
        "calibration": "temperature",
        "threshold": "youden",
        "tta": "none",
        "tta_merge": "mean",
        "mc_samples": 0,
        "mc": {"inject": None, "p": 0.2},
        "ensemble": {"members": 1, "vote": "soft"},
    }
    run.config.write_text(yaml.safe_dump(settings))
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=400).round(6)
    val = pd.DataFrame({"image_id": range(400), "patient_id": range(400), "p_abnormal": p})
    val["label"] = (rng.uniform(size=400) < p).astype(int)
    write_predictions(val.assign(split="val"), run.predictions("val"))


def drawn_images(count, size=32, seed=0):
    """Return N×1×H×W blobs of different brightness and place, 0 to 255."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    images = []
    for _ in range(count):
        cy, cx, width, high = rng.uniform(0.2, 0.8, 4)
        blob = 255 * high * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (0.3 * width) ** 2)
        images.append((blob + rng.uniform(0, 60, (size, size))).clip(0, 255))
    return torch.tensor(np.stack(images)[:, None], dtype=torch.float32)


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory):
    """Return a function that writes a folder of PNG, JPEG and DICOM files in sub-folders."""

    def make(count, size=32, seed=0):
        folder = tmp_path_factory.mktemp("images")
        for number, image in enumerate(drawn_images(count, size, seed).numpy()[:, 0]):
            inside = folder / f"ward{number % 3}"
            inside.mkdir(exist_ok=True)
            name, pixels = inside / f"{number:04}", image.astype(np.uint8)
            if number % 3 == 2:
                write_dicom(name.with_suffix(".dcm"), pixels, f"P{number // 6}")
            else:
                cv2.imwrite(f"{name}.{'png' if number % 3 else 'jpg'}", pixels)
        return folder

    return make


def write_dicom(path, pixels, patient):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{abs(hash(path.name)) % 10**9}"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.Modality, dataset.BodyPartExamined = patient, "DX", "CHEST"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="session")
def drawn():
    return drawn_images
