import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from medcnn.crossvalidation.joining import (
    OutOfFold,
    cross_validation_results,
    held_out_role,
    join,
    judging_thresholds,
    mean_threshold,
)
from medcnn.errors import DataError
from medcnn.evaluation.cross_validation import Spread
from medcnn.metrics.proportions import clustered_proportion
from medcnn.metrics.thresholds import Threshold, choose_threshold
from medcnn.run.directory import RunDir, write_json

THRESHOLDS = [0.3, 0.5, 0.6]


def make_runs(folder, *, own_test, patients=30):
    """Write three folds over 60 images of 30 patients, without training anything."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(2 * patients)],
            "path": "x.png",
            "patient_id": [f"p{n % patients}" for n in range(2 * patients)],
        }
    )
    rows["label"] = [int(name[1:]) % 2 for name in rows["patient_id"]]
    fold = np.array([int(name[1:]) // 2 % 3 for name in rows["patient_id"]])
    published = np.array([int(name[1:]) >= patients - 6 for name in rows["patient_id"]])
    runs = []
    for number in range(3):
        held_out = "val" if own_test else "test"
        split = np.where(fold == number, held_out, "train").astype(object)
        split = np.where(own_test & published, "test", split)
        if not own_test:
            split = np.where((fold == (number + 1) % 3) & (rows.index < 12), "val", split)
        run = RunDir(folder / str(number))
        run.predictions("val").parent.mkdir(parents=True)
        run.config.write_text("seed: 0\n")
        rows.assign(split=split).to_csv(run.manifest, index=False)
        for name in ("val", "test"):
            part = rows[split == name].assign(split=name)
            part["p_abnormal"] = expit(rng.normal(2 * part["label"] - 1, 1.5)).round(6)
            part.to_csv(run.predictions(name), index=False)
        chosen = Threshold(THRESHOLDS[number], "youden", "val")
        write_json(run.results, {"threshold": chosen.to_json()})
        runs.append(run)
    return runs


def test_every_case_is_predicted_once_by_a_run_that_did_not_train_on_its_patient(tmp_path):
    runs = make_runs(tmp_path, own_test=False)
    joined = join(runs)
    assert joined.role == "test"
    assert sorted(joined.table["image_id"]) == sorted(f"i{n}" for n in range(60))
    assert joined.table.groupby("patient_id")["fold"].nunique().max() == 1
    for run, (_, rows) in zip(runs, joined.table.groupby("fold"), strict=True):
        trained = pd.read_csv(run.manifest).query("split == 'train'")["patient_id"]
        assert not set(trained) & set(rows["patient_id"])
        saved = pd.read_csv(run.predictions("test")).set_index("image_id")["p_abnormal"]
        ours = rows.set_index("image_id")["p_fold"].rename("p_abnormal")
        pd.testing.assert_series_equal(ours.sort_index(), saved.sort_index())
    # One threshold for all decides as each fold's own does.
    table = joined.table
    np.testing.assert_array_equal(
        table["p_abnormal"] >= joined.threshold.value, table["p_fold"] >= table["fold_threshold"]
    )
    assert set(joined.table["fold_threshold"]) == set(THRESHOLDS)


def test_with_a_test_split_of_its_own_a_fold_is_judged_by_the_others(tmp_path):
    joined = join(make_runs(tmp_path, own_test=True))
    assert joined.role == "val"
    assert len(joined.table) == 48
    first = joined.table.query("fold == 0")["fold_threshold"].unique()
    assert first == pytest.approx(expit(np.mean(logit([0.5, 0.6]))))
    assert joined.threshold.chosen_on == "folds"
    assert joined.threshold.value == pytest.approx(expit(np.mean(logit(THRESHOLDS))))


def test_thresholds_of_the_ends_are_taken():
    assert judging_thresholds([0.2], "val") == [0.2]
    assert 0 < mean_threshold([0.0, 0.5]) < 0.5
    assert judging_thresholds([0.2, 0.4], "test") == [0.2, 0.4]


def test_the_role_is_the_split_that_differs(tmp_path):
    tables = [pd.read_csv(run.manifest) for run in make_runs(tmp_path, own_test=True)]
    assert held_out_role(tables) == "val"


def test_a_patient_in_training_or_in_two_folds_is_refused(tmp_path):
    runs = make_runs(tmp_path, own_test=False)
    manifest = pd.read_csv(runs[1].manifest)
    held_out = manifest.query("split == 'test'")["patient_id"].iloc[0]
    leaking = manifest.copy()
    rows = leaking.index[leaking["patient_id"] == held_out]
    leaking.loc[rows[0], "split"] = "train"
    leaking.to_csv(runs[1].manifest, index=False)
    with pytest.raises(DataError, match="trained on"):
        join(runs)
    manifest.to_csv(runs[1].manifest, index=False)
    with pytest.raises(DataError, match="held out twice"):
        join([runs[0], runs[1], runs[2], runs[1]])


def test_pooled_shares_count_each_case_at_the_threshold_of_its_fold(tmp_path):
    joined = join(make_runs(tmp_path, own_test=False))
    found = cross_validation_results(joined)
    table = joined.table
    called = table["p_fold"] >= table["fold_threshold"]
    abnormal = table["label"] == 1
    assert found.pooled["sensitivity"].value == pytest.approx(called[abnormal].mean())
    patients = pd.factorize(table["patient_id"])[0]
    expected = clustered_proportion(
        (~called[~abnormal]).to_numpy(float), patients[~abnormal.to_numpy()]
    )
    assert found.pooled["specificity"].ci == pytest.approx(expected.ci)
    values = [fold.auroc.value for fold in found.by_fold]
    assert found.mean["auroc"].sd == pytest.approx(np.std(values, ddof=1))
    assert [fold.fold for fold in found.by_fold] == [0, 1, 2]
    assert found.by_fold[2].n_patients == 10
    assert found.spread_of_thresholds == pytest.approx(logit(0.6) - logit(0.3))


def test_a_fold_without_a_class_has_no_value_and_leaves_the_others():
    table = pd.DataFrame(
        {
            "patient_id": list("abcdef"),
            "label": [0, 1, 0, 1, 0, 0],
            "p_fold": [0.1, 0.9, 0.4, 0.6, 0.2, 0.3],
            "fold": [0, 0, 0, 0, 1, 1],
            "fold_threshold": 0.5,
        }
    )
    chosen = choose_threshold(np.array([0, 1]), np.array([0.2, 0.8]), "youden")
    found = cross_validation_results(OutOfFold(table, "test", chosen))
    assert found.by_fold[1].auroc.value is None
    assert found.mean["auroc"] == Spread(1.0, None, 1.0, 1.0)
