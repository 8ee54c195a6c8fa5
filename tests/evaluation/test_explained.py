import json

import pytest

from medcnn.errors import DataError
from medcnn.evaluation.explained import Curve, Curves, Explanations, Method, Perturbed
from medcnn.metrics.estimate import Estimate
from medcnn.notices import Notice

HALF = Estimate(0.5, (0.4, 0.6), "bootstrap-bca")


def explanations(**more):
    given = {
        "split": "test", "level": 0.95, "seed": 0, "backbone": "tiny_resnet",
        "checkpoint_sha256": "0" * 64, "n": 1, "n_patients": 1, "with_mask": 0,
        "called_abnormal": 1, "chance": None, "sanity": None, "marker": None,
        "methods": (Method(method="random", stage=None, empty=0, deletion=HALF, insertion=HALF),),
    }  # fmt: skip
    return Explanations(**given | more)


def test_what_was_not_measured_has_no_key_and_the_rest_comes_back():
    curve = Curve(deletion=(1.0, 0.0), insertion=(0.0, 1.0))
    found = explanations(curves=Curves(share=(0.0, 1.0), methods={"random": curve}))
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
        Curves.from_json({"random": {"deletion": [], "insertion": []}})


def test_results_hold_neither_curves_nor_images():
    found = explanations(curves=Curves(share=(), methods={}), images=())
    assert {"curves", "images"} & set(found.measures().to_json()) == set()
