from dataclasses import replace
from pathlib import Path

import pytest

from medcnn.errors import DataError
from medcnn.evaluation.explained import Curve, Curves, Explanations, ShownImage
from medcnn.reporting.explained import read_explanations
from medcnn.run.directory import RunDir, write_json

FOUND = Explanations(
    split="test", level=0.95, seed=0, backbone="tiny_resnet", checkpoint_sha256="0" * 64, n=1,
    n_patients=1, with_mask=0, called_abnormal=1, methods=(), chance=None, sanity=None, marker=None,
    curves=Curves(share=(0.0, 1.0), methods={"random": Curve(deletion=(1, 0), insertion=(0, 1))}),
)  # fmt: skip


def test_the_pictures_are_looked_for_in_the_run(tmp_path):
    run = RunDir(tmp_path)
    figures = {"grad_cam": "figures/explanations/01_a.png"}
    image = ShownImage(image_id="a", p_abnormal=0.5, finding="", figures=figures)
    write_json(run.explanations, replace(FOUND, images=(image,)).to_json())
    found = read_explanations(run)
    path = Path(found.images[0].figures["grad_cam"])
    assert path == tmp_path / "figures" / "explanations" / "01_a.png"
    assert found.curves == FOUND.curves and found.n == 1


def test_a_run_without_explanations_has_none(tmp_path):
    assert read_explanations(RunDir(tmp_path)) is None


def test_what_another_wrote_is_refused_by_its_file(tmp_path):
    run = RunDir(tmp_path)
    write_json(run.explanations, FOUND.to_json() | {"methods": [{"method": "grad_cam"}]})
    with pytest.raises(DataError, match=r"explanations\.json: methods 0 lacks"):
        read_explanations(run)
