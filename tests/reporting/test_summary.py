from pathlib import Path

from medcnn.reporting.summary import announce, announce_comparison, counted_cases

SHARE = {"value": 0.9, "ci": [0.8, 0.95], "method": "wilson"}


def test_the_console_says_what_was_counted_and_how_the_threshold_came_about(capsys):
    results = {
        "split": "test",
        "n": 40,
        "n_patients": 40,
        "unit": {"level": "patient", "aggregate": "max", "images": 90},
        "prevalence": 0.25,
        "threshold": {"value": 0.41, "rule": "youden", "chosen_on": "val"},
        "sensitivity": SHARE,
        "specificity": {"value": None, "ci": None, "method": "wilson"},
        "auroc": {**SHARE, "ci": None},
        "warnings": ["Look out."],
    }
    announce(results, Path("r.html"))
    said = capsys.readouterr().out
    assert "test: 40 patients (90 images), prevalence 0.250" in said
    assert "0.4100 (youden, chosen on val, frozen)" in said
    assert "0.900 (95 % CI 0.800 to 0.950, wilson)" in said
    assert "not estimable" in said
    assert "0.900 (no interval)" in said
    assert "Look out." in said


def test_images_are_the_default_and_studies_have_a_name():
    assert counted_cases(3, 2) == "3 images of 2 patients"
    assert counted_cases(3, 2, {"level": "study"}) == "3 studies"


def test_a_comparison_is_said_with_signs_and_corrected_p_values(capsys):
    found = {
        "names": ["a", "b"],
        "level": 0.95,
        "split": "test",
        "n": 10,
        "n_patients": 9,
        "a": {"sensitivity": SHARE},
        "b": {"sensitivity": SHARE},
        "differences": {
            "sensitivity": {"value": -0.03, "ci": [-0.1, 0.04]},
            "auroc": {"value": None, "ci": None},
        },
        "holm": {"sensitivity": 0.25, "auroc": None},
        "non_inferiority": {"margin": 0.05, "sensitivity": False, "auroc": None},
        "warnings": [],
    }
    announce_comparison(found, Path("c.html"))
    said = capsys.readouterr().out
    assert "-0.030 (-0.100 to +0.040), p = 0.25 after Holm" in said
    assert "non-inferior sensitivity by 0.05: not shown" in said
    assert "non-inferior auroc by 0.05: not estimable" in said
