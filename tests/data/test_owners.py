import pandas as pd
import pytest

from medcnn.data.owners import is_uid, owned_patients
from medcnn.data.settings import Data, Source

TABLE = pd.DataFrame({"patient_id": ["0017", "b"]})


def data(name, root=None, **options):
    source = Source(f"medcnn.data.sources.{name}.read", {"root": root, **options})
    return Data(name=name, root=root, source=source)


def test_a_release_names_its_patients_alike_wherever_it_lies():
    one, other = (owned_patients(TABLE, data("nih", root)) for root in ("/a", "/b"))
    assert one.tolist() == other.tolist() == ["nih/0017", "nih/b"]


@pytest.mark.parametrize("name", ["folder", "manifest"])
def test_a_folder_is_known_by_its_place(name):
    one, other, again = (owned_patients(TABLE, data(name, root)) for root in ("/a", "/b", "/a/"))
    assert not set(one) & set(other)
    assert one.tolist() == again.tolist()


def test_phantoms_are_known_by_all_that_made_them():
    one, other = (owned_patients(TABLE, data("phantom", seed=seed)) for seed in (0, 1))
    assert not set(one) & set(other)


def test_one_source_alone_and_among_several_names_the_same_patient():
    several = Data(name="several", sources=("nih", "rsna"), roots={"nih": "/a", "rsna": "/b"})
    table = pd.DataFrame(
        {"source": ["nih", "rsna", "rsna"], "patient_id": ["nih/0017", "rsna/9", "nih/0017"]},
        index=[4, 2, 7],
    )
    found = owned_patients(table, several)
    assert found.to_dict() == {4: "nih/0017", 2: "rsna/9", 7: "nih/0017"}
    assert owned_patients(TABLE, data("nih", "/c")).iloc[0] == "nih/0017"
    alone = pd.DataFrame({"patient_id": ["nih/0017", "9"]})
    assert owned_patients(alone, data("rsna")).tolist() == ["nih/0017", "rsna/9"]


@pytest.mark.parametrize(
    "text", ["1.2.840.10008.1.1", "2.25.329800735698586629295641978511506172918"]
)
def test_identifiers_of_dicom_are_unique_in_the_world(text):
    assert is_uid(text)


@pytest.mark.parametrize(
    "text", ["17", "study 1", "1.2.3", "3.2.840.1.1.1.1", "1.02.840.1.1.1.1", ""]
)
def test_other_identifiers_are_not(text):
    assert not is_uid(text)
