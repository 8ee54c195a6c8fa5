import json

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from medcnn.cli import run
from medcnn.diagnosis.facts import read_facts
from medcnn.evaluation.results import evaluate
from medcnn.files.records import to_json
from medcnn.metrics.thresholds import fixed_threshold
from medcnn.predictions import check_predictions
from medcnn.record.record import Record
from medcnn.run.directory import RunDir, write_json


@pytest.fixture
def over_fitted(tmp_path):
    """Return a finished run directory whose curves show over-fitting."""
    directory = RunDir(tmp_path / "run")
    directory.predictions("val").parent.mkdir(parents=True)
    OmegaConf.save(
        {
            "data": {"image_size": 224},
            "optimizer": {"lr": 0.001},
            "loss": {"name": "bce"},
            "model": {"backbone": "resnet50"},
            "transfer": {},
        },
        directory.config,
    )
    epochs = np.arange(12)
    pd.DataFrame(
        {
            "epoch": epochs,
            "train_loss": 0.6 * np.exp(-epochs / 3),
            "val_loss": 0.3 + 0.3 * np.exp(-epochs) + 0.05 * np.clip(epochs - 3, 0, None),
        }
    ).to_csv(directory.metrics, index=False)
    rows = pd.DataFrame({"label": [0, 1] * 20, "split": ["train"] * 30 + ["val"] * 10})
    rows["image_id"] = rows["path"] = rows["patient_id"] = [f"i{row}" for row in range(40)]
    rows.to_csv(directory.manifest, index=False)
    val = rows.tail(10).assign(p_abnormal=np.linspace(0.1, 0.9, 10))
    val.to_csv(directory.predictions("val"), index=False)
    leaks = {"cross_split_duplicates": 2, "cross_split_patients": 1}
    write_json(directory.audit, {"verdict": "stop", "findings": ["two copies"], **leaks})
    test = check_predictions(val.assign(split="test", image_id=range(10)))
    write_json(directory.results, to_json(evaluate(test, fixed_threshold(0.5))))
    return directory


def test_the_diagnosis_of_a_run_is_printed_and_kept(over_fitted, capsys):
    assert run("diagnose", [f"run={over_fitted.path}"]) == 0
    printed = capsys.readouterr().out
    assert "over fitting" in printed and "try augment=cxr" in printed
    kept = json.loads((over_fitted.path / "diagnosis.json").read_text())
    assert kept["verdict"] == "over_fitting"
    assert kept["try_next"] == "augment=cxr"
    assert kept["findings"][0]["epoch"] == 3
    assert "model=resnet18" in kept["findings"][0]["overrides"]


def test_the_facts_of_a_run_are_read(over_fitted):
    facts = read_facts(over_fitted)
    assert (facts.train.normal, facts.train.abnormal, facts.val.n) == (15, 15, 10)
    assert facts.leaks == 3
    auroc = Record(over_fitted).results.auroc
    assert (facts.test_score.value, facts.test_score.low) == (auroc.value, auroc.ci[0])
    assert facts.test_prevalence == 0.5
    assert 0 < facts.val_score.value < 1
    assert not facts.interrupted


def test_curves_of_another_framework_are_read(over_fitted, tmp_path, capsys):
    output = tmp_path / "d.json"
    assert run("diagnose", [f"curves={over_fitted.metrics}", f"output={output}"]) == 0
    assert json.loads(output.read_text())["verdict"] == "over_fitting"


FAULTS = (
    ([], "one thing to diagnose"),
    (["run=/nowhere"], "not a run directory"),
    (["curves=/nowhere/metrics.csv"], "does not exist"),
)


def test_faults_are_said_without_torch(in_new_process):
    answers = in_new_process(*(["diagnose", *arguments] for arguments, _ in FAULTS))
    for answer, (_, text) in zip(answers, FAULTS, strict=True):
        assert answer.code == 2 and text in answer.said
        assert "Traceback" not in answer.said
    assert "torch" not in answers[-1].modules


def test_a_run_without_curves_is_refused(over_fitted, capsys):
    over_fitted.metrics.unlink()
    assert run("diagnose", [f"run={over_fitted.path}"]) == 2
    assert "no learning curves" in capsys.readouterr().err


def test_a_training_ends_with_its_diagnosis(easy_data, tmp_path, capsys):
    import medcnn

    found = medcnn.train([*easy_data, "trainer.max_epochs=4", f"run_dir={tmp_path / 'run'}"]).paths
    assert "diagnosis    " in capsys.readouterr().out
    kept = json.loads((found.path / "diagnosis.json").read_text())
    results = json.loads(found.results.read_text())
    assert len(results["diagnosis"]) == len(kept["findings"])
    assert kept["findings"][0]["says"] in found.report.read_text()
    assert run("diagnose", [f"run={found.path}"]) == 0
    assert "gradients.png" in capsys.readouterr().out
    for name in ("filters", "activations", "gradients"):
        assert (found.figures / f"{name}.png").is_file()
