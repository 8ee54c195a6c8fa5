from dataclasses import replace

from medcnn.predictions import read_predictions
from medcnn.reporting.contents import from_predictions, read_run
from medcnn.reporting.plates import draw_plates
from medcnn.reporting.wording import Wording


def test_a_run_has_every_figure_and_bare_predictions_those_they_can(built_run):
    contents = read_run(built_run)
    plates = draw_plates(contents, Wording("en"))
    assert set(plates) >= {
        *("roc", "precision_recall", "confusion", "scores", "reliability", "decision_curve"),
        *("predictive_values", "subgroups", "doubt", "risk_coverage", "learning_curves", "flow"),
    }
    assert all(plate.caption in plate.svg or "&" in plate.svg for plate in plates.values())
    assert "Sensitivity 9" in plates["roc"].svg[:600]
    table = read_predictions(built_run.predictions("test"))[["image_id", "label", "p_abnormal"]]
    bare = from_predictions(table, {"split": "test", "threshold": {"value": 0.5}}, "x")
    bare = replace(bare, results={**bare.results, "readers": []})
    assert set(draw_plates(bare, Wording("de"))) == {
        *("roc", "precision_recall", "scores", "reliability", "decision_curve", "flow"),
    }
