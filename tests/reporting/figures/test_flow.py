from medcnn.reporting.figures.flow import flow_diagram
from medcnn.reporting.flow import Flow, Group
from medcnn.reporting.wording import Wording

SPLITS = {"train": Group(70, 40, 30), "val": Group(20, 12, 8), "test": Group(50, 30, 20)}
OUTCOMES = {"tp": 18, "fp": 3, "tn": 27, "fn": 2}
REFERRED = {"tp": 3, "fp": 2, "tn": 0, "fn": 0}


def texts(flow, language="en"):
    figure = flow_diagram(flow, "test", Wording(language))
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_every_stage_of_stard_is_drawn():
    found = texts(Flow(Group(142, 82), 2, SPLITS, Group(50, 30, 20), 1, OUTCOMES, REFERRED))
    for text in (
        "142 images · 82 patients",
        "unreadable: 2",
        "not evaluated: 1",
        "50 images · 30 patients · 40% abnormal",
        "Called abnormal",
        "Called normal",
        "false negative",
    ):
        assert text in found
    assert not any("repeated" in text for text in found)
    assert found[found.index("Called abnormal") + 1] == "21 · 5 of them to a radiologist"
    assert found[found.index("Called normal") + 1] == "29"


def test_bare_predictions_of_patients_count_patients():
    flow = Flow(
        None, None, {"test": Group(9, 9, 3, "patient")}, Group(9, 9, 3, "patient"), None, {}
    )
    assert texts(flow, "de") == ["Ausgewertet", "9 Patienten · 33\u202f% auffällig"]


def test_images_left_out_as_repeated_are_drawn():
    flow = Flow(Group(145, 82), 2, SPLITS, Group(50, 30, 20), 1, OUTCOMES, repeated=3)
    assert "repeated, left out: 3" in texts(flow)
