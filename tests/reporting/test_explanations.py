from dataclasses import replace

import cv2
import numpy as np
import pytest

from medcnn.evaluation.explained import Explanations
from medcnn.reporting.contents import Contents, read_run
from medcnn.reporting.explanations import explanation_section
from medcnn.reporting.page import page_facts
from medcnn.reporting.report import render
from medcnn.reporting.thumbnails import read_pixels
from medcnn.reporting.wording import Wording


def estimate(value, low, high):
    return {"value": value, "ci": [low, high], "method": "bootstrap-bca"}


def method(name, stage=None, **more):
    places = {
        "pointing_game": estimate(0.875, 0.64, 0.965),
        "mass_in_lesion": estimate(0.2, 0.143, 0.275),
    }
    by_finding = [{"finding": "nodule", "n": 7, **places}]
    rest = {"deletion": estimate(0.5, 0.4, 0.6), "insertion": estimate(0.9, 0.8, 0.95)}
    return (
        {"method": name, "stage": stage, "empty": 0, **places, "by_finding": by_finding}
        | rest
        | more
    )


@pytest.fixture
def measured(tmp_path):
    """The object of the file."""
    paths = {}
    for what in ("image", "grad_cam"):
        paths[what] = str(tmp_path / f"{what}.png")
        cv2.imwrite(paths[what], np.full((320, 320, 3), 90, np.uint8))
    above = estimate(0.245, 0.039, 0.431)
    change = {
        "n": 16,
        "n_patients": 12,
        "change": estimate(-0.31, -0.4, -0.2),
        "absolute_change": estimate(0.31, 0.2, 0.4),
        "flipped": estimate(0.5, 0.3, 0.7),
    }
    curve = {"deletion": [1.0, 0.5, 0.1], "insertion": [0.1, 0.8, 1.0]}
    return {
        "split": "test", "level": 0.95, "seed": 0, "backbone": "resnet18",
        "checkpoint_sha256": "0" * 64, "n": 16, "n_patients": 12, "with_mask": 16,
        "called_abnormal": 15,
        "methods": [method("grad_cam", "layer3", above_random=above), method("random")],
        "chance": {"n": 16, "pointing_game": estimate(0.218, 0.169, 0.277),
                   "mass_in_lesion": estimate(0.094, 0.063, 0.135)},
        "curves": {"share": [0.0, 0.5, 1.0], "grad_cam": curve, "random": curve},
        "sanity": {"n": 8, "methods": {"grad_cam": {
            "part": ["head", "stem"],
            "spearman": [estimate(0.7, 0.6, 0.8), estimate(0.03, -0.1, 0.1)],
            "ssim": [estimate(0.6, 0.5, 0.7), estimate(0.23, 0.2, 0.27)]}}},
        "marker": {"looked_at": 60, "with_marker": 40, "removal": change, "beside": change,
                   "insertion": change, "evidence": ["removal"],
                   "heat": {"n": 9, "methods": {"grad_cam": {
                       "heat": estimate(0.38, 0.35, 0.42), "area": estimate(0.003, 0.002, 0.004)}}}},
        "images": [{"image_id": "P1<b>", "p_abnormal": 0.977, "finding": "nodule|new",
                    "figures": paths | {"occlusion": str(tmp_path / "gone.png")}}],
        "warnings": ["The model looks at the burned-in marker: see Explanations."],
    }  # fmt: skip


@pytest.fixture
def found(measured):
    return Explanations.from_json(measured)


def test_every_number_stands_in_the_tables_with_its_interval(found):
    section = explanation_section(found, Wording("en"))
    assert "16 abnormal images of 12 patients" in section.lead
    first, control, by_chance = section.methods.rows
    assert first[:2] == ("Grad-CAM", "layer3")
    assert "87.5" in first[2] and "64.0" in first[2] and "96.5" in first[2]
    assert first[-1].startswith("+0.245 (+0.039")
    assert control[0] == "Random heat" and control[-1] == "–"
    assert "21.8" in by_chance[2] and by_chance[0] == "By chance"
    assert section.forgetting.rows == (
        ("Grad-CAM", "0.030 (\u22120.100 – 0.100)", "0.230 (0.200 – 0.270)"),
    )
    assert [row[1] for row in section.marker.rows] == ["16"] * 3
    assert "38.0" in section.marker_heat.rows[0][1] and "0.3" in section.marker_heat.rows[0][2]
    assert section.findings.rows[0][0] == "nodule" and section.findings.rows[0][1] == "7"
    assert len(section.findings.header) == 3  # random heat is left out


def test_a_look_at_the_marker_is_an_alarm_and_none_is_said_to_be_none(found):
    section = explanation_section(found, Wording("en"))
    (alarm,) = section.alarms
    assert "looks at the burned-in marker" in alarm and "\u22120.310" in alarm
    assert section.calm == ""
    calm = replace(found, marker=replace(found.marker, evidence=()))
    section = explanation_section(calm, Wording("en"))
    assert section.alarms == () and section.calm.startswith("Neither painting")


def test_what_was_not_measured_is_left_out(measured):
    measured |= {"with_mask": 0, "chance": None, "sanity": None, "marker": None, "images": []}
    for entry in measured["methods"]:
        for key in ("pointing_game", "mass_in_lesion", "by_finding"):
            del entry[key]
    section = explanation_section(Explanations.from_json(measured), Wording("en"))
    assert len(section.methods.header) == 5 and len(section.methods.rows) == 2
    assert section.findings is section.marker is section.forgetting is section.marker_heat is None
    assert section.images == () and len(section.plates) == 1
    assert explanation_section(None, Wording("en")) is None


def test_pictures_are_embedded_and_absent_ones_left_out(found):
    (image,) = explanation_section(found, Wording("en")).images
    assert [tile.title for tile in image.tiles] == ["Radiograph", "Grad-CAM"]
    assert all(tile.picture.startswith("data:image/jpeg;base64,") for tile in image.tiles)
    assert image.text == "probability 0.977 · nodule + new"


def test_the_report_says_it_at_its_top_and_in_its_section(small_run, found):
    contents = replace(read_run(small_run), explanations=found)
    page = render(contents, {}, Wording("de"), read_pixels)
    assert 'href="#explanations"' in page and "Über Zufallswärme" in page
    assert page.index("looks at the burned-in marker: see") < page.index('id="explanations"')
    assert 'id="marker-alarm"' in page and "P1&lt;b&gt;" in page and "P1<b>" not in page
    assert contents.explanations.warnings[0] in contents.warnings()


def test_a_run_that_was_not_explained_has_no_such_section(small_run):
    contents = read_run(small_run)
    assert isinstance(contents, Contents) and contents.explanations is None
    assert "explanations" not in page_facts(contents, Wording("en"))["sections"]
