from __future__ import annotations

from medcnn.data.sources.shenzhen import read

TEXT = "male 45yrs"


def test_manifest(tmp_path, write_image):
    for stem, text in {"0001_0": TEXT, "0002_1": f"{TEXT}\nTB"}.items():
        write_image(tmp_path / f"CXR_png/CHNCXR_{stem}.png")
        path = tmp_path / f"ClinicalReadings/CHNCXR_{stem}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    manifest = read(tmp_path)
    assert manifest.source == "shenzhen"
    assert "Jaeger" in manifest.citation
    assert "tuberculosis (1)" in manifest.label_policy
    rows = manifest.table
    assert rows["image_id"].tolist() == ["CHNCXR_0001_0.png", "CHNCXR_0002_1.png"]
    assert rows["patient_id"].tolist() == ["CHNCXR_0001", "CHNCXR_0002"]
    assert rows[["label", "view", "sex", "age"]].to_numpy().tolist() == [
        [0, "PA", "M", 45.0],
        [1, "PA", "M", 45.0],
    ]
    assert rows["split"].eq("").all()
