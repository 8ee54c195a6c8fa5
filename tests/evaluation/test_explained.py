import json
from pathlib import Path

import pytest

from medcnn.errors import DataError
from medcnn.evaluation.explained import (
    Curve,
    Curves,
    Explanations,
    Method,
    Perturbed,
    ShownImage,
    read_explanations,
)
from medcnn.files.records import from_json
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice
from medcnn.run.directory import RunDir, write_json

HALF = Estimate(0.5, (0.4, 0.6), "bootstrap-bca")
CURVES = Curves(
    share=(0.0, 1.0), methods={"random": Curve(deletion=(1.0, 0.0), insertion=(0.0, 1.0))}
)


def explanations(**more):
    given = {
        "split": "test", "level": 0.95, "seed": 0, "backbone": "tiny_resnet",
        "checkpoint_sha256": "0" * 64, "n": 1, "n_patients": 1, "with_mask": 0,
        "called_abnormal": 1, "chance": None, "sanity": None, "marker": None,
        "methods": (Method(method="random", stage=None, empty=0, deletion=HALF, insertion=HALF),),
    }  # fmt: skip
    return Explanations(**given | more)


def test_what_was_not_measured_has_no_key_and_the_rest_comes_back():
    found = explanations(curves=CURVES)
    raw = json.loads(json.dumps(found.to_json()))
    assert set(raw["methods"][0]) == {"method", "stage", "empty", "deletion", "insertion"}
    assert raw["curves"] == {
        "share": [0.0, 1.0],
        "random": {"deletion": [1.0, 0.0], "insertion": [0.0, 1.0]},
    }
    assert raw["sanity"] is None and "images" not in raw
    assert Explanations.from_json(raw) == found
    assert set(Perturbed.__dataclass_fields__) <= set(Method.__dataclass_fields__)


def test_warnings_come_back_as_the_notices_that_they_were():
    warning = Notice("not_forgotten", method="grad_cam", value=Notice("value", value=0.7))
    found = Explanations.from_json(explanations(warnings=(warning,)).to_json())
    assert isinstance(found.warnings[0], Notice) and found.warnings[0].key == "not_forgotten"


def test_curves_without_their_share_are_refused():
    with pytest.raises(DataError, match="curves lacks 'share'"):
        from_json(Curves, {"random": {"deletion": [], "insertion": []}}, "curves")


def test_results_hold_neither_curves_nor_images():
    found = explanations(curves=Curves(share=(), methods={}), images=())
    assert {"curves", "images"} & set(found.measures().to_json()) == set()


def test_the_pictures_are_looked_for_in_the_run(tmp_path):
    run = RunDir(tmp_path)
    figures = {"grad_cam": "figures/explanations/01_a.png"}
    image = ShownImage(image_id="a", p_abnormal=0.5, finding="", figures=figures)
    write_json(run.explanations, explanations(images=(image,), curves=CURVES).to_json())
    found = read_explanations(run)
    path = Path(found.images[0].figures["grad_cam"])
    assert path == tmp_path / "figures" / "explanations" / "01_a.png"
    assert found.curves == CURVES and found.n == 1


def test_a_run_without_explanations_has_none(tmp_path):
    assert read_explanations(RunDir(tmp_path)) is None


def test_what_another_wrote_is_refused_by_its_file(tmp_path):
    run = RunDir(tmp_path)
    write_json(run.explanations, explanations().to_json() | {"methods": [{"method": "grad_cam"}]})
    with pytest.raises(DataError, match=r"explanations\.json: methods 0 lacks"):
        read_explanations(run)
