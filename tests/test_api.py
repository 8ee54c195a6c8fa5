import os
import signal
import threading

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import medcnn
from medcnn.errors import ConfigError, WeightsError
from medcnn.files.plain import read_json


def test_train_returns_the_run_that_it_left(trained_run):
    table = pd.read_csv(trained_run.predictions("test"))
    found = read_json(trained_run.results)["auroc"]["value"]
    assert found == pytest.approx(roc_auc_score(table["label"], table["p_abnormal"]))


def test_evaluate_returns_what_it_wrote(trained_run, tmp_path):
    results = medcnn.evaluate([f"run={trained_run.path}", "split=val", f"output={tmp_path}"])
    table = pd.read_csv(trained_run.predictions("val"))
    assert results["split"] == "val"
    expected = roc_auc_score(table["label"], table["p_abnormal"])
    assert results["auroc"]["value"] == pytest.approx(expected)


def test_predict_returns_one_row_a_file(trained_run, easy_data, tmp_path):
    folder = easy_data[1].removeprefix("data.root=").removesuffix("manifest.csv")
    table = medcnn.predict(
        [f"run={trained_run.path}", f"input={folder}", f"output={tmp_path / 'p.csv'}"]
    )
    assert len(table) == 96
    assert table["p_abnormal"].between(0, 1).all()


def test_a_run_in_python_has_results_predictions_and_a_report(trained_run):
    run = medcnn.Run(trained_run)
    assert run.results.sensitivity.ci is not None
    assert len(run.predictions("test")) == run.results.n
    shown = run.report()._repr_html_()
    assert f"<td>{run.results.sensitivity.value:.3f}</td>" in shown
    assert str(run.report()) == str(trained_run.report)
    assert "srcdoc=" in run.report().page()._repr_html_()


def test_training_returns_the_run(trained_run):
    found = medcnn.train([f"resume={trained_run.path}"])  # finished: it is left as it is
    assert isinstance(found, medcnn.Run)
    assert found.path == trained_run.path


@pytest.mark.long
def test_threads_train_to_the_end_and_leave_ctrl_c_as_it_was(easy_data, tmp_path):
    runs = []

    def train(seed):
        given = [*easy_data, "trainer.max_epochs=1", f"seed={seed}", f"run_dir={tmp_path / seed}"]
        runs.append(medcnn.train(given))

    for seed in ("0", "1"):
        thread = threading.Thread(target=train, args=(seed,))
        thread.start()
        thread.join()
    assert [run.results.split for run in runs] == ["test", "test"]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)


def test_what_the_command_line_refuses_is_refused_here():
    with pytest.raises(ConfigError, match="did you mean 'model'"):
        medcnn.train(["modle=resnet18"])


def test_what_a_constructor_refuses_is_its_own_error(tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"weights\.pt"):
        medcnn.train(
            [
                *("experiment=xray_resnet", "model=tiny_resnet", "data.source.n_images=60"),
                *("data.source.size=64", "data.image_size=32", f"run_dir={tmp_path / 'run'}"),
                f"model.weights={weights}",
            ]
        )


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        medcnn.trian  # noqa: B018
