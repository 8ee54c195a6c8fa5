import pandas as pd
import pytest

from medcnn.errors import DataError
from medcnn.predictions import read_predictions
from medcnn.reporting.contents import from_predictions, read_run


def test_a_run_is_read_whole(built_run):
    found = read_run(built_run)
    assert found.missing == ()
    assert found.setting("model.name") == "resnet18"
    assert found.setting("no.such", "optimizer.lr") == 0.0005
    results = found.results
    assert (found.threshold, results.split, found.unit, results.level) == (
        0.41,
        "test",
        "image",
        0.95,
    )
    assert len(found.metrics) == 14
    assert found.warnings()[0].startswith("model.weights=auto")


def test_files_that_are_not_there_are_named(small_run):
    small_run.audit.unlink()
    small_run.predictions("val").unlink()
    small_run.metrics.write_text("")
    found = read_run(small_run)
    assert found.missing == ("audit.json", "predictions/val.csv")
    assert (found.audit, found.validation, found.metrics) == ({}, None, None)


def test_a_run_without_results_or_with_others_is_refused(small_run):
    table = read_predictions(small_run.predictions("test"))
    table.assign(split="val").to_csv(small_run.predictions("test"), index=False)
    with pytest.raises(DataError, match="have no such case"):
        read_run(small_run)
    small_run.results.unlink()
    with pytest.raises(DataError, match="no results"):
        read_run(small_run)


def test_the_monitor_of_averaged_weights_is_unknown(small_run):
    small_run.config.write_text("callbacks:\n  monitor: val_auroc\n")
    assert read_run(small_run).monitor == "val_auroc"
    small_run.config.write_text("callbacks:\n  monitor: val_auroc\n  swa: true\n")
    assert read_run(small_run).monitor is None


def test_predictions_may_bring_their_run_along(built_run):
    table = read_predictions(built_run.predictions("test"))
    results = read_run(built_run).results
    bare = from_predictions(table, results, "x")
    assert bare.manifest is None
    known = from_predictions(table, results, "x", built_run)
    assert known.manifest is not None
    assert known.config == read_run(built_run).config


def test_the_curves_of_each_fold_are_kept_apart(small_run):
    curves = pd.read_csv(small_run.metrics)
    pd.concat([curves.assign(fold=fold) for fold in (0, 1)]).to_csv(small_run.metrics, index=False)
    found = read_run(small_run).metrics
    assert found.groupby("member").size().tolist() == [len(curves)] * 2
