import cv2
import numpy as np
import pandas as pd
import torch

from medcnn.cli import run
from medcnn.inference.loading import load_model
from medcnn.predictions import read_predictions
from medcnn.run.directory import RunDir


def features_of(table):
    return table.filter(regex=r"^feature_\d+$")


def test_the_head_on_the_exported_features_gives_the_logits_of_the_run(
    trained_run, tmp_path, capsys
):
    output = tmp_path / "all.parquet"
    assert run("features", [f"run={trained_run.path}", f"output={output}", "batch_size=7"]) == 0
    assert "96 images, 16 features each" in capsys.readouterr().out
    table = pd.read_parquet(output)
    manifest = pd.read_csv(trained_run.manifest)
    named = ["image_id", "patient_id", "label", "split"]
    pd.testing.assert_frame_equal(table[named], manifest[named])
    linear = load_model(trained_run).network.linear
    with torch.no_grad():
        logit = (
            linear(torch.from_numpy(features_of(table).to_numpy().copy()))[:, 0].double().numpy()
        )
    test = read_predictions(trained_run.predictions("test"))
    ours = test[["image_id"]].merge(table.assign(logit=logit), on="image_id")["logit"]
    np.testing.assert_allclose(ours, test["logit"], rtol=1e-4, atol=1e-5)
    assert table.attrs["checkpoint"] == load_model(trained_run).sha256


def test_a_stage_gives_the_means_of_its_maps(trained_run, tmp_path):
    output = tmp_path / "stage.csv"
    arguments = [f"run={trained_run.path}", f"output={output}", "split=val", "stage=layer1"]
    assert run("features", arguments) == 0
    table = pd.read_csv(output)
    assert set(table["split"]) == {"val"}
    model = load_model(trained_run)
    manifest = pd.read_csv(trained_run.manifest).set_index("image_id")
    image = cv2.imread(manifest["path"][table["image_id"][0]], cv2.IMREAD_GRAYSCALE)
    with torch.no_grad():
        normal = model.normalize(torch.from_numpy(image / np.float32(255))[None, None])
        expected = model.network.backbone.up_to("layer1", normal).mean((2, 3))[0]
    np.testing.assert_allclose(features_of(table).iloc[0], expected, rtol=1e-4, atol=1e-5)


def test_a_folder_has_no_labels_and_broken_files_are_named(trained_run, tmp_path, capsys):
    folder = tmp_path / "input"
    folder.mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((40, 40), 90, np.uint8))
    (folder / "broken.png").write_bytes(b"not an image")
    output = tmp_path / "folder.parquet"
    assert run("features", [f"run={trained_run.path}", f"input={folder}", f"output={output}"]) == 0
    table = pd.read_parquet(output)
    assert table["image_id"].tolist() == ["a.png", "b.png"]
    assert table["label"].isna().all()
    np.testing.assert_array_equal(*features_of(table).to_numpy())
    assert "broken.png" in "".join(capsys.readouterr())


def test_the_encoder_of_an_autoencoder_has_features_but_no_answer(easy_data, tmp_path, capsys):
    folder, output = tmp_path / "run", tmp_path / "f.csv"
    options = ["task=autoencoder", "callbacks.monitor=val_loss", "trainer.max_epochs=1"]
    assert run("train", [*easy_data, *options, f"run_dir={folder}"]) == 0
    assert run("features", [f"run={folder}", f"output={output}", "split=test"]) == 0
    assert features_of(pd.read_csv(output)).shape[1] == 16
    assert run("evaluate", [f"run={folder}"]) == 2
    assert f"starts from it: model.weights={folder}" in capsys.readouterr().err


def test_a_stage_that_is_not_there_is_named(trained_run, tmp_path, capsys):
    arguments = [f"run={trained_run.path}", f"output={tmp_path / 'f.csv'}", "stage=layer9"]
    assert run("features", arguments) == 2
    assert "layer2" in capsys.readouterr().err


FAULTS = [
    (["output=f.csv", "run=/nowhere"], "not a run directory"),
    (["output=f.xlsx"], "FILE.parquet or FILE.csv"),
    (["output=f.csv", "split=tset"], "did you mean split=test"),
    (["output=f.csv", "batch_size=0"], "batch_size"),
    (["output=f.csv", "input=/nowhere"], "/nowhere"),
    (["output=f.csv", "stagee=x"], "did you mean"),
]


def test_faults_are_said_without_torch(in_new_process, tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    asked = (["features", f"run={tmp_path}", *arguments] for arguments, _ in FAULTS)
    answers = in_new_process(*asked)
    for answer, (_, text) in zip(answers, FAULTS, strict=True):
        assert answer.code == 2 and text in answer.said
    assert "torch" not in answers[-1].modules


def test_an_ensemble_is_sent_to_its_members(tmp_path, capsys):
    whole = RunDir(tmp_path / "ensemble")
    for folder in (whole, whole.member(0), whole.member(1)):
        folder.path.mkdir(parents=True)
        folder.config.write_text("seed: 0\n")
    assert run("features", [f"run={whole.path}", f"output={tmp_path / 'f.csv'}"]) == 2
    assert str(whole.member(0).path) in capsys.readouterr().err
