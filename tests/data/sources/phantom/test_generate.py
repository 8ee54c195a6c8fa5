from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from medcnn.data.sources import phantom
from medcnn.data.sources.phantom import generate
from medcnn.data.sources.phantom.plan import Options, plan
from medcnn.data.sources.phantom.radiograph import render
from medcnn.errors import ConfigError
from medcnn.io import read_image, read_image_resized


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    return phantom.read(folder, workers=2, n_images=120, size=96, difficulty=0.3, seed=7)


def test_a_case_has_the_same_bytes_whichever_process_makes_it(manifest, tmp_path):
    options = Options(n_images=120, size=96, difficulty=0.3, seed=7)
    assert len(manifest) > generate.FEW  # so that other processes have made them
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for case, theirs in zip(plan(options)[:12], manifest.table["path"], strict=False):
        generate.write_case(tmp_path, generate.digest_of(options), case)
        ours = tmp_path / generate.image_path(case)
        assert ours.name == Path(theirs).name
        assert ours.read_bytes() == Path(theirs).read_bytes()


def test_it_is_twelve_bit_dicom_of_either_photometric_interpretation(manifest):
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in manifest.table["path"]]
    assert {header.BitsStored for header in headers} == {12}
    assert {header.PhotometricInterpretation for header in headers} == {
        "MONOCHROME1",
        "MONOCHROME2",
    }
    assert {"WindowCenter" in header for header in headers} == {True, False}
    for header, patient in zip(headers, manifest.table["patient_id"], strict=True):
        assert str(header.PatientID) == patient
    assert manifest.table["patient_id"].nunique() < len(manifest)


def test_every_abnormal_image_has_a_lesion_mask_and_no_normal_one(manifest):
    for row in manifest.table.itertuples():
        if row.label:
            mask = cv2.imread(row.mask_path, cv2.IMREAD_UNCHANGED)
            assert mask.shape == read_image(row.path).pixels.shape
            assert mask.any()
            assert row.finding
        else:
            assert pd.isna(row.mask_path) or not row.mask_path


def test_the_side_marker_says_nothing_of_the_label_by_default(manifest):
    counts = pd.crosstab(manifest.table["marker"], manifest.table["label"])
    from scipy.stats import chi2_contingency

    assert chi2_contingency(counts).pvalue > 0.001


def test_a_linear_model_on_pixels_does_not_solve_it(manifest):
    pixels = np.stack(
        [read_image_resized(path, 32, exact=True)[0].ravel() for path in manifest.table["path"]]
    )
    model = LogisticRegression(C=1e-4, max_iter=300)
    p = cross_val_predict(
        model,
        pixels / 255,
        manifest.table["label"],
        groups=manifest.table["patient_id"],
        cv=GroupKFold(4),
        method="predict_proba",
    )
    assert roc_auc_score(manifest.table["label"], p[:, 1]) < 0.85


def test_an_acquisition_as_usual_leaves_a_phantom_its_name():
    usual = Options(n_images=4)
    assert "exposure" not in usual.as_dict()
    assert Options(n_images=4, exposure=1.0).as_dict() == usual.as_dict()
    assert Options(exposure=0.1).as_dict()["exposure"] == 0.1
    with pytest.raises(ConfigError, match="exposure=0"):
        Options(exposure=0.0)


def test_another_place_has_other_noise_brightness_markers_and_ages():
    usual, other = (
        plan(Options(n_images=60, size=64, **more))
        for more in (
            {},
            {"exposure": 0.02, "brightness": 0.2, "contrast": 0.7, "marked": 0.0, "mean_age": 80},
        )
    )
    assert [case.findings for case in usual] == [case.findings for case in other]
    assert not any(case.acquisition.marker for case in other)
    ages = [np.mean([case.body.age for case in cases]) for cases in (usual, other)]
    assert ages[1] > ages[0] + 15
    one, two = (render(cases[0]).stored.astype(float) for cases in (usual, other))
    if usual[0].acquisition.monochrome1:
        one, two = 4095 - one, 4095 - two
    assert two.mean() > one.mean()
    noise = [np.abs(np.diff(image, n=2, axis=1)).mean() / image.std() for image in (one, two)]
    assert noise[1] > 1.5 * noise[0]
