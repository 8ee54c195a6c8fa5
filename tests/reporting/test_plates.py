import re

from medcnn.evaluation.results import evaluate
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import check_predictions, read_predictions
from medcnn.reporting.contents import from_predictions
from medcnn.reporting.plates import draw_plates
from medcnn.reporting.wording import Wording

AT = Threshold(0.5, "fixed", "none")


def test_a_run_has_every_figure_and_bare_predictions_those_they_can(reported_run):
    assert {path.stem for path in reported_run.figures.iterdir()} >= {
        *("roc", "precision_recall", "confusion", "scores", "reliability", "decision_curve"),
        *("predictive_values", "subgroups", "doubt", "risk_coverage", "learning_curves", "flow"),
    }
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF-"}
    for suffix, magic in begins.items():
        files = list(reported_run.figures.glob(f"*{suffix}"))
        assert len(files) >= 12
        assert all(path.read_bytes().startswith(magic) for path in files)
    page = reported_run.report.read_text("utf-8")
    assert 'aria-label="Receiver operating characteristic.' in page
    assert re.search(r'aria-label="[^"]*Sensitivity 9\d\.\d', page)
    table = read_predictions(reported_run.predictions("test"))[["image_id", "label", "p_abnormal"]]
    bare = from_predictions(table, evaluate(check_predictions(table), AT), "x")
    assert set(draw_plates(bare, Wording("de"))) == {
        *("roc", "precision_recall", "confusion", "scores", "reliability", "decision_curve"),
        *("predictive_values", "flow"),
    }
