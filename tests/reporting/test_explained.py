from pathlib import Path

from medcnn.reporting.explained import read_explanations
from medcnn.run.directory import RunDir, write_json


def test_the_pictures_are_looked_for_in_the_run(tmp_path):
    run = RunDir(tmp_path)
    images = [{"image_id": "a", "figures": {"grad_cam": "figures/explanations/01_a.png"}}]
    write_json(run.explanations, {"n": 1, "images": images})
    found = read_explanations(run)
    path = Path(found["images"][0]["figures"]["grad_cam"])
    assert path == tmp_path / "figures" / "explanations" / "01_a.png"
    assert found["n"] == 1


def test_a_run_without_explanations_has_none(tmp_path):
    assert read_explanations(RunDir(tmp_path)) == {}
