"""The script as whoever gets an export runs it: another process, without torch and without medcnn."""

import csv
import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import medcnn

ALONE = """
import runpy, sys
sys.dont_write_bytecode = True
for name in ("torch", "medcnn", "cv2", "scipy", "pandas"):
    sys.modules[name] = None
sys.path.insert(0, sys.argv[1])
sys.argv = ["predict_onnx.py", *sys.argv[2:]]
runpy.run_path(sys.path[0] + "/predict_onnx.py", run_name="__main__")
"""


def predict(folder, *arguments):
    command = [sys.executable, "-I", "-c", ALONE, str(folder), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_golden_is_reproduced_and_said_so(exported):
    done = predict(exported)
    assert done.returncode == 0, done.stderr
    assert "5 of 5 golden files reproduced" in done.stdout


def test_a_folder_gets_the_rows_of_predict(exported, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(exported / "golden", images, ignore=shutil.ignore_patterns("*.npy", "*.json"))
    (images / "torn.dcm").write_bytes((images / "2_voi_lut.dcm").read_bytes()[:9000])
    (images / "text.dcm").write_text("no DICOM")
    done = predict(exported, images)
    assert done.returncode == 0, done.stderr
    rows = {row["image_id"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert rows["torn.dcm"]["error"]
    assert rows["text.dcm"]["error"]
    table = medcnn.predict(
        [f"run={exported}", f"input={images}", f"output={tmp_path / 'o.csv'}", "exact=true"]
    ).set_index("image_id")
    for name in (path.name for path in (exported / "golden").glob("*.dcm")):
        assert rows[name]["decision"] == table.loc[name, "decision"]
        assert float(rows[name]["logit"]) == pytest.approx(table.loc[name, "logit"], abs=0.05)
        assert int(rows[name]["unlike_training"]) == table.loc[name, "out_of_distribution"]


def test_a_wrong_golden_file_is_said_and_ends_with_1(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "model")
    (folder / "SHA256SUMS").unlink()
    record = json.loads((folder / "golden" / "golden.json").read_text())
    record["files"][0]["logit"] += 0.5
    record["files"][1]["pixels"] = record["files"][2]["pixels"]
    (folder / "golden" / "golden.json").write_text(json.dumps(record))
    done = predict(folder)
    assert done.returncode == 1
    assert "3 of 5 golden files reproduced" in done.stdout
    assert "logit differ" in done.stdout
    assert "pixels differ" in done.stdout


def test_a_changed_file_is_named(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "model")
    with (folder / "config.json").open("a") as stream:
        stream.write(" ")
    done = predict(folder)
    assert done.returncode == 2
    assert "config.json" in done.stderr


def test_the_detector_is_medcnn_s(exported):
    from foreign_images import Foreign
    from read_dicom import Picture

    from medcnn.calibration.detector import SCORES, Detector, Measured
    from medcnn.io import Facts

    detector = Detector.load(exported / "out_of_distribution.npz")
    foreign = Foreign.load(exported / "out_of_distribution.npz")
    rng = np.random.default_rng(0)
    for score in SCORES:
        arrays = {**foreign.arrays, "score": np.array(score)}
        ours = pd.Series(detector.__dict__).to_dict() | {"score": score}
        for side, view, modality in ((32, "PA", "DX"), (20, "LL", "CT"), (48, "", "CR")):
            pixels = rng.integers(0, 256, (side, side), dtype=np.uint8)
            feature = rng.normal(size=16)
            logit, p = 0.3, 0.6
            image = pixels[None].astype(np.float32) * np.float32(1 / 255)
            deviation = detector.inputs.deviations(image)
            measured = Measured(feature[None], np.array([logit]), np.array([p]), deviation)
            facts = Facts("dicom", 30, 70, 8, "MONOCHROME2", view=view, modality=modality)
            expected = Detector(**ours).flag(measured, [facts])
            outputs = {"features": feature, "logit": np.array(logit), "p_abnormal": np.array(p)}
            picture = Picture(pixels, 30, 70, modality, "", view)
            assert (
                "; ".join(Foreign(arrays).reasons(picture, outputs)) == expected["ood_reasons"][0]
            )
