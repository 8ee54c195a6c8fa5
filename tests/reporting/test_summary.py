from dataclasses import replace
from pathlib import Path

import pandas as pd

from medcnn.evaluation.compare import NonInferiority, compare
from medcnn.evaluation.parts import Unit
from medcnn.evaluation.results import evaluate
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import check_predictions
from medcnn.reporting.summary import announce, announce_comparison, counted_cases

SHARE = Estimate(0.9, (0.8, 0.95), "wilson")
NONE = Estimate(None, None, "wilson")
TABLE = check_predictions(pd.DataFrame({"label": [0, 1, 1], "p_abnormal": [0.2, 0.6, 0.9]}))


def test_the_console_says_what_was_counted_and_how_the_threshold_came_about(capsys):
    results = replace(
        evaluate(TABLE, Threshold(0.41, "youden", "val")),
        n=40,
        n_patients=40,
        unit=Unit("patient", "max", 90),
        prevalence=0.25,
        sensitivity=SHARE,
        specificity=NONE,
        auroc=replace(SHARE, ci=None),
        warnings=("Look out.",),
    )
    announce(results, Path("r.html"))
    said = capsys.readouterr().out
    assert "test: 40 patients (90 images), prevalence 0.250" in said
    assert "0.4100 (youden, chosen on val, frozen)" in said
    assert "0.900 (95% CI 0.800 to 0.950, wilson)" in said
    assert "not estimable" in said
    assert "0.900 (no interval)" in said
    assert "Look out." in said


def test_images_are_the_default_and_studies_have_a_name():
    assert counted_cases(3, 2) == "3 images of 2 patients"
    assert counted_cases(3, 2, Unit("study", "mean", 5)) == "3 studies (5 images)"


def test_a_comparison_is_said_with_signs_and_corrected_p_values(capsys):
    at = Threshold(0.5, "youden", "val")
    found = replace(
        compare(TABLE, TABLE, at, at, margin=0.05),
        a={"sensitivity": SHARE},
        b={"sensitivity": SHARE},
        differences={"sensitivity": Estimate(-0.03, (-0.1, 0.04), "x"), "auroc": NONE},
        holm={"sensitivity": 0.25, "auroc": None},
        non_inferiority=NonInferiority(0.05, {"sensitivity": False, "auroc": None}),
    )
    announce_comparison(found, Path("c.html"))
    said = capsys.readouterr().out
    assert "-0.030 (-0.100 to +0.040), p = 0.25 after Holm" in said
    assert "non-inferior sensitivity by 0.05: not shown" in said
    assert "non-inferior auroc by 0.05: not estimable" in said
