import cv2
import numpy as np

from medcnn.cli import run


def test_the_figure_of_a_file_is_drawn(tmp_path, capsys):
    picture, output = tmp_path / "chest.png", tmp_path / "filters.png"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    chosen = "filters=[identity,sobel_vertical,box_blur]"
    assert run("show", [chosen, f"image={picture}", f"output={output}", "data.image_size=64"]) == 0
    assert "identity, sobel_vertical, box_blur" in capsys.readouterr().out
    drawn = cv2.imread(str(output))
    assert drawn.shape[1] > drawn.shape[0] > 100


def test_an_unknown_filter_is_named(tmp_path, capsys):
    assert run("show", ["filters=sobel", f"output={tmp_path / 'f.png'}"]) == 2
    assert "sobel_vertical" in capsys.readouterr().err
