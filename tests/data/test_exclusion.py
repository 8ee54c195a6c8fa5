import pytest

from medcnn.data.preparation import read_source
from medcnn.errors import DataError
from medcnn.settings.fields import Component


@pytest.fixture
def source(tmp_path):
    rows = [f"i{n},{'ab'[n % 2]}/{n}.png,{n % 2},p{n}" for n in range(6)]
    (tmp_path / "m.csv").write_text("image_id,path,label,patient_id\n" + "\n".join(rows) + "\n")
    return Component("medcnn.data.sources.manifest_csv.read", {"root": str(tmp_path / "m.csv")})


def test_patterns_leave_images_out_of_any_source_and_are_counted(source):
    manifest = read_source(source, ["a/0.png", "5.png"])
    assert manifest.table["image_id"].tolist() == ["i1", "i2", "i3", "i4"]
    assert manifest.left_out == {"excluded": 2}
    assert "m.csv: 2 of 6 images were left out by data.exclude." in manifest.warnings


def test_a_class_without_images_is_refused(source):
    with pytest.raises(DataError, match="images of one class only"):
        read_source(source, ["b"])
