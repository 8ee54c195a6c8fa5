import pandas as pd
import pytest

from medcnn.adaptation.adapt import at_home, draw_labelled
from medcnn.calibration.judgement import Judgement
from medcnn.data.manifest import build_manifest
from medcnn.errors import ConfigError
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


def manifest(patients=30, images=3):
    rows = range(patients * images)
    table = pd.DataFrame({"image_id": [f"i{row}" for row in rows], "path": "x"})
    table["patient_id"] = [f"p{row // images}" for row in rows]
    table["label"] = [row // images % 2 for row in rows]
    return build_manifest(table, source="here")


def test_whole_patients_are_drawn_until_there_are_enough():
    known = manifest()
    drawn = draw_labelled(known, 20, 1)
    patients = known.table.groupby("patient_id")["image_id"].size().index
    per_patient = pd.Series(drawn).groupby(known.table["patient_id"]).mean()
    assert drawn.sum() == 21 and set(per_patient[patients]) == {0.0, 1.0}
    assert (drawn == draw_labelled(known, 20, 1)).all()
    assert (drawn != draw_labelled(known, 20, 2)).any()
    assert draw_labelled(known, "all", 0).all() and draw_labelled(known, 90, 0).all()


def test_a_larger_draw_holds_the_smaller_one():
    known = manifest()
    few, more = (draw_labelled(known, count, 3) for count in (15, 45))
    assert (more | ~few).all()


def test_more_labels_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="labels=91 is more than there are"):
        draw_labelled(manifest(), 91, 0)


def test_what_is_moved_starts_calibrated_at_home_and_calls_the_same_cases(wider_run):
    run = RunDir(wider_run.path)
    judgement: Judgement = Record(run).judgement
    val = Record(run).predictions("val")
    start, threshold = at_home(run, judgement)
    p = start.probability(val["logit"])
    assert p.mean() == pytest.approx(val["label"].mean(), abs=0.01)
    before = judgement.calibrator.probability(val["logit"]) >= judgement.threshold.value
    assert ((p >= threshold.value) == before).all()
