import cv2
import numpy as np
import pytest

from medcnn.cli import run


@pytest.fixture
def chest(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDCNN_CACHE", str(tmp_path / "cache"))
    grey = np.outer(np.hanning(96), np.hanning(80)) * 255
    cv2.imwrite(str(tmp_path / "chest.png"), grey.astype(np.uint8))
    return tmp_path / "chest.png"


def test_a_gallery_of_one_file(chest, tmp_path, capsys):
    output = tmp_path / "gallery.png"
    arguments = ["augment=cxr", f"image={chest}", "data.image_size=64", "draws=2"]
    assert run("show", [*arguments, f"output={output}"]) == 0
    printed = capsys.readouterr().out
    assert "original, rotation, scale, translation, shear, stretch, brightness" in printed
    assert "all, draw 2" in printed
    picture = cv2.imread(str(output), cv2.IMREAD_GRAYSCALE)
    assert picture.shape[1] > 1000
    assert picture.std() > 20


def test_a_data_set_gives_mixing_its_partner(chest, tmp_path, capsys):
    rows = ["image_id,path,label"]
    for label in (0, 1):
        cv2.imwrite(str(tmp_path / f"{label}.png"), np.full((32, 32), 100 + 100 * label, np.uint8))
        rows.append(f"{label},{label}.png,{label}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    arguments = ["augment=strong", "data=manifest", f"data.root={tmp_path / 'table.csv'}"]
    assert run("show", [*arguments, f"output={tmp_path / 'a.png'}", "data.image_size=64"]) == 0
    assert "mixup" in capsys.readouterr().out
    assert run("show", ["augment=strong", f"image={chest}", f"output={tmp_path / 'b.png'}"]) == 0
    shown = capsys.readouterr()
    assert "mixup mixes two images" in shown.out + shown.err


SLIPS = {
    "did you mean augment=cxr?": ["augment=cxrr"],
    "image does not exist": ["augment=cxr", "image=/nowhere/a.png"],
    "no augmentation operator named": ["augment=cxr", "+augment.operators.rotate.p=1"],
    "show needs one thing to show": ["augment=cxr", "model=resnet18"],
}


def test_slips_are_answered_without_torch(in_new_process):
    answers = in_new_process(*(["show", *arguments] for arguments in SLIPS.values()))
    for answer, message in zip(answers, SLIPS, strict=True):
        assert answer.code == 2 and message in answer.said
    assert "torch" not in answers[-1].modules


def test_a_file_that_is_no_image(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDCNN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.png").write_text("no picture")
    assert run("show", ["augment=cxr", f"image={tmp_path / 'a.png'}"]) == 2
    assert "None of the 1 images can be read" in capsys.readouterr().err
    cv2.imwrite(str(tmp_path / "b.png"), np.eye(32, dtype=np.uint8) * 200)
    (tmp_path / "table.csv").write_text("image_id,path,label\nb,b.png,0\na,a.png,1\n")
    assert run("show", ["augment=cxr", "data=manifest", f"data.root={tmp_path / 'table.csv'}"]) == 2
    assert "The image a cannot be shown" in capsys.readouterr().err
