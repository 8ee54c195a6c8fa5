from __future__ import annotations

import pandas as pd
import pytest

from medcnn.data.manifest import build_manifest
from medcnn.data.preparation import read_data
from medcnn.data.pseudonyms import hide_patients
from medcnn.data.settings import Data
from medcnn.errors import ConfigError
from medcnn.io.identifiers import VARIABLE, pseudonym
from medcnn.settings.reading import read

SALT = "a salt of some length"


def manifest(names=("a", "b", "c")):
    table = pd.DataFrame(
        {
            "image_id": names,
            "path": [f"/x/{name}.png" for name in names],
            "label": [0, 1, 1],
            "patient_id": ["MRN00071", "MRN00071", "MRN00072"],
            "study_id": ["1.2.3", "1.2.4", "1.2.5"],
        }
    )
    return build_manifest(table, source="hospital")


def test_identifiers_are_replaced_and_stay_together():
    hidden = hide_patients(manifest(), SALT)
    patients = hidden.table["patient_id"].tolist()
    assert patients == [pseudonym(f"MRN0007{i}", SALT) for i in (1, 1, 2)]
    assert hidden.table["study_id"].nunique() == 3
    assert hidden.warnings == ()
    assert "MRN" not in hidden.table.to_csv()
    assert "1.2." not in hidden.table.to_csv()


def test_file_names_that_tell_are_counted():
    hidden = hide_patients(manifest(("MRN00071_1", "b", "MRN00072")), SALT)
    assert "2 of 3 file names hold the identifier" in hidden.warnings[0]


def asked(source, **given):
    return read(Data, {"source": source, **given}, lenient=True)


def test_as_the_configuration_asks(tmp_path, monkeypatch):
    manifest().table.to_csv(tmp_path / "t.csv", index=False)
    source = {"_target_": "medcnn.data.sources.manifest_csv.read", "root": str(tmp_path / "t.csv")}
    plain = read_data(asked(source, hash_patients=False))
    assert plain.table["patient_id"].iloc[0] == "MRN00071"
    monkeypatch.setenv(VARIABLE, SALT)
    hidden = read_data(asked(source, hash_patients=True))
    assert hidden.table["patient_id"].iloc[0] == pseudonym("MRN00071", SALT)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigError, match="no salt"):
        read_data(asked(source, hash_patients=True))
