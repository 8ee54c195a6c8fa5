from __future__ import annotations

from medcnn.data.sources.montgomery import read

TEXT = "Patient's Sex: F\nPatient's Age: 027Y"


def test_manifest(tmp_path, write_image):
    for stem, text in {"0001_0": TEXT, "0002_1": f"{TEXT}\nTB"}.items():
        write_image(tmp_path / f"CXR_png/MCUCXR_{stem}.png")
        path = tmp_path / f"ClinicalReadings/MCUCXR_{stem}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    manifest = read(tmp_path)
    assert manifest.source == "montgomery"
    assert "Jaeger" in manifest.citation
    assert "tuberculosis (1)" in manifest.label_policy
    rows = manifest.table
    assert rows["image_id"].tolist() == ["MCUCXR_0001_0.png", "MCUCXR_0002_1.png"]
    assert rows["patient_id"].tolist() == ["MCUCXR_0001", "MCUCXR_0002"]
    assert rows[["label", "view", "sex", "age"]].to_numpy().tolist() == [
        [0, "PA", "F", 27.0],
        [1, "PA", "F", 27.0],
    ]
    assert rows["split"].eq("").all()
