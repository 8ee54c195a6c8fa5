from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from medcnn.data.sources.chexpert import read
from medcnn.data.sources.chexpert_labels import OBSERVATIONS
from medcnn.errors import ConfigError, DataError

STUDIES = (
    {"No Finding": "1.0", "Support Devices": "1.0"},
    {"Edema": "1.0", "Cardiomegaly": "-1.0"},
    {"Pneumonia": "-1.0"},
    {"No Finding": "1.0"},
)


def imitation(root: Path, write_image, patients: int = 8, batches: bool = False) -> Path:
    """Write ``CheXpert-v1.0-small`` or, in batches, the full release; the last fifth is valid.

    Every second patient has a lateral image beside the frontal one.
    """
    tables: dict[str, list[dict[str, str]]] = {"train": [], "valid": []}
    for patient in range(1, patients + 1):
        split = "valid" if patient > patients - max(2, patients // 5) else "train"
        for view in ("frontal", "lateral")[: 1 + patient % 2]:
            place = f"patient{patient:05d}/study1/view{1 + (view == 'lateral')}_{view}.jpg"
            folder = f"CheXpert-v1.0 batch 2 ({split} 1)" if batches else split
            write_image(root / folder / place)
            tables[split].append(
                {
                    "Path": f"CheXpert-v1.0-small/{split}/{place}",
                    "Sex": "Female" if patient % 2 else "Male",
                    "Age": str(50 + patient),
                    "Frontal/Lateral": view.capitalize(),
                    "AP/PA": "AP" if view == "frontal" else "",
                    **dict.fromkeys(OBSERVATIONS, ""),
                    **STUDIES[patient % 4],
                }
            )
    for split, rows in tables.items():
        pd.DataFrame(rows).to_csv(root / f"{split}.csv", index=False)
    return root


@pytest.mark.parametrize("batches", [False, True])
def test_manifest(tmp_path, write_image, batches):
    manifest = read(imitation(tmp_path, write_image, batches=batches))
    rows = manifest.table.set_index("image_id")
    assert len(rows) == 8
    first = rows.loc["patient00001/study1/view1_frontal.jpg"]
    assert first[["label", "patient_id", "view"]].tolist() == [1, "patient00001", "AP"]
    assert first[["study_id", "split"]].tolist() == ["patient00001/study1", "train"]
    assert first[["age", "sex", "finding"]].tolist() == [51.0, "F", "Cardiomegaly|Edema"]
    assert Path(first["path"]).is_file()
    assert rows["split"].value_counts().to_dict() == {"train": 6, "val": 2}
    assert rows["label"].tolist() == [1, 1, 0, 0] * 2
    assert "lateral" in manifest.warnings[0].lower()
    assert "uncertain findings count as present" in manifest.label_policy


def test_the_folder_above_the_release(tmp_path, write_image):
    imitation(tmp_path / "CheXpert-v1.0-small", write_image)
    assert len(read(tmp_path)) == 8


def test_lateral_views_are_kept_on_demand(tmp_path, write_image):
    rows = read(imitation(tmp_path, write_image), views="all").table
    assert rows["view"].value_counts().to_dict() == {"AP": 8, "LATERAL": 4}


@pytest.mark.parametrize(
    ("policy", "label_of_uncertain", "images"), [("u_zeros", {0}, 8), ("u_ignore", set(), 6)]
)
def test_the_policies(tmp_path, write_image, policy, label_of_uncertain, images):
    manifest = read(imitation(tmp_path, write_image), uncertain=policy)
    uncertain = manifest.table[manifest.table["patient_id"].isin(["patient00002", "patient00006"])]
    assert set(uncertain["label"]) == label_of_uncertain
    assert len(manifest) == images


@pytest.mark.parametrize("name", ["test.csv", "test_labels.csv"])
def test_the_test_set_where_it_is_there(tmp_path, write_image, name):
    imitation(tmp_path, write_image)
    table = pd.read_csv(tmp_path / "valid.csv", dtype=str, keep_default_na=False)
    table["Path"] = ["CheXpert/test/patient64741/study1/view1_frontal.jpg"] + [
        f"CheXpert/test/patient6474{i}/study1/view1_frontal.jpg" for i in range(2, len(table) + 1)
    ]
    for path in table["Path"]:
        write_image(tmp_path / path)
    # The test labels come without the columns about the patient.
    table[["Path", *OBSERVATIONS]].to_csv(tmp_path / name, index=False)
    rows = read(tmp_path).table
    assert rows["split"].value_counts().to_dict() == {"train": 6, "val": 2, "test": len(table)}
    assert rows[rows["split"] == "test"]["age"].isna().all()


def test_faults(tmp_path, write_image):
    imitation(tmp_path, write_image)
    with pytest.raises(ConfigError, match=r"data\.source\.uncertain cannot be 'ones'"):
        read(tmp_path, uncertain="ones")
    with pytest.raises(ConfigError, match=r"data\.source\.views cannot be 'side'"):
        read(tmp_path, views="side")
    (tmp_path / "train.csv").unlink()
    with pytest.raises(DataError, match=r"chexpert lacks a table: there is no train\.csv"):
        read(tmp_path)
