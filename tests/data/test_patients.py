import pandas as pd
import pytest

from medcnn.data.patients import placeholders, without_placeholders


def table(patients, **columns):
    names = [f"i{row}" for row in range(len(patients))]
    return pd.DataFrame({"image_id": names, "patient_id": patients} | columns)


@pytest.mark.parametrize("word", ["ANONYMOUS", "0", "UNKNOWN", "NOID", "0000", "xxxxx"])
def test_half_of_the_images_are_nobodys(word):
    patients = [word if row % 2 else f"P{row}" for row in range(80)]
    assert placeholders(pd.Series(patients)) == {word}
    found, (told, *more) = without_placeholders(table(patients), "x")
    assert found["patient_id"].nunique() == 80
    assert "40 of 80 images carry a placeholder" in told
    assert "Give patient_id in a manifest" in told
    assert not more


def test_the_number_of_a_patient_is_no_placeholder():
    numbers = [str(row // 3) for row in range(120)]
    assert placeholders(pd.Series(numbers)) == set()
    assert placeholders(pd.Series(["0"] * 12 + numbers)) == {"0"}


def test_images_of_nobody_keep_together_by_study():
    rows = table(["ANON"] * 6, study_id=[f"s{row // 2}" for row in range(6)])
    found, told = without_placeholders(rows, "x")
    assert found["patient_id"].tolist() == found["study_id"].tolist()
    assert "Each study among them counts as a patient" in told[0]
    one_study = table(["ANON"] * 6, study_id=["s"] * 6)
    found, _ = without_placeholders(one_study, "x")
    assert found["patient_id"].tolist() == found["image_id"].tolist()
    assert found["study_id"].isna().all()


def test_one_patient_out_of_line_is_said_and_stays_one():
    patients = ["HOSPITAL"] * 40 + [f"P{row}" for row in range(40)]
    found, told = without_placeholders(table(patients), "x")
    assert found["patient_id"].nunique() == 41
    assert "40 of 80 images carry the identifier of one patient" in told[0]
    assert "HOSPITAL" not in told[0]


def test_alike_and_cut_identifiers_are_counted():
    _, told = without_placeholders(table(["q1", "Q1", "01", "1", "1.2E+11"]), "x")
    assert [text.partition(" ident")[0] for text in told] == ["x: 2", "x: 2", "x: 1"]
    assert "capitals alone" in told[0]
    assert "leading zeros alone" in told[1]
    assert "export the column as text" in told[2]
