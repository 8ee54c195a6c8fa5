import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, recall_score
from statsmodels.stats.multitest import multipletests

from medcnn.errors import DataError
from medcnn.evaluation.readers import read_readers, reader_results, readers_for


def test_wide_and_long_files_say_the_same(tmp_path):
    wide, long = tmp_path / "wide.csv", tmp_path / "long.csv"
    wide.write_text("image_id,Ada,Ben\n007,1,0\n008,,1\n")
    long.write_text("reader,image_id,decision\nAda,007,1\nBen,007,0\nBen,008,1\n")
    first, second = read_readers(wide), read_readers(long)
    assert first.index.tolist() == ["007", "008"]
    pd.testing.assert_frame_equal(first, second, check_names=False)
    assert np.isnan(first.loc["008", "Ada"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("image_id\n1\n", "not a file of readers"),
        ("case,Ada\n1,1\n", "not a file of readers"),
        ("image_id,Ada\n1,1\n1,0\n", "1 repeated decisions"),
        ("image_id,reader,decision\n1,Ada,1\n1,Ada,1\n", "1 repeated decisions"),
        ("image_id,Ada\n1,2\n", "not 0 or 1"),
        ("image_id,Ada\n1,yes\n", "'yes' of Ada on 1"),
    ],
)
def test_files_that_say_nothing_clear_are_refused(tmp_path, text, complaint):
    path = tmp_path / "readers.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=complaint):
        read_readers(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no readers file"):
        read_readers(tmp_path / "absent.csv")


def test_each_reader_is_measured_on_what_that_reader_read(table, readers):
    rows = table[table["split"] == "test"]
    rows = rows.assign(p_abnormal=rows["p_abnormal"].round(1))  # some lie on the threshold
    found, warnings = reader_results(rows, readers, 0.5)
    assert warnings == []
    for entry in found:
        decided = readers[entry.name].to_numpy()
        read = ~np.isnan(decided)
        label, human = rows["label"].to_numpy()[read], decided[read].astype(int)
        model = (rows["p_abnormal"].to_numpy()[read] >= 0.5).astype(int)
        assert entry.n == read.sum()
        assert entry.sensitivity.value == pytest.approx(recall_score(label, human))
        assert entry.specificity.value == pytest.approx(recall_score(label, human, pos_label=0))
        assert entry.kappa.value == pytest.approx(cohen_kappa_score(model, human))
        gap = recall_score(label, model) - recall_score(label, human)
        assert entry.model_minus_reader["sensitivity"].value == pytest.approx(gap)


def test_p_values_are_corrected_over_readers_and_measures(table, readers):
    found, _ = reader_results(table[table["split"] == "test"], readers, 0.5)
    names = ("sensitivity", "specificity")
    raw = [entry.mcnemar[name].p_value for entry in found for name in names]
    corrected = [entry.p_holm[name] for entry in found for name in names]
    np.testing.assert_allclose(corrected, multipletests(raw, method="holm")[1])


def test_unread_cases_are_counted_and_foreign_ones_refused(table, readers):
    rows = table[table["split"] == "test"]
    _, warnings = reader_results(rows, readers.iloc[10:], 0.5)
    assert warnings == [
        f"10 of {len(rows)} cases were read by nobody and do not enter the comparison."
    ]
    with pytest.raises(DataError, match="none of these cases"):
        reader_results(rows, readers.rename(index="x{}".format), 0.5)


def test_a_patient_is_abnormal_by_one_image_and_normal_by_all(tmp_path, several):
    path = tmp_path / "readers.csv"
    images = several.iloc[:12]
    decisions = [1, 0, 0, None, 0, 0, 0, 0, 0, 0, 0, None]
    pd.DataFrame({"image_id": images["image_id"], "Ada": decisions}).to_csv(path, index=False)
    found = readers_for(path, several, "patient")
    assert found is not None
    expected = [1.0, 0.0, np.nan]
    np.testing.assert_array_equal(found["Ada"].to_numpy(), expected)
    assert readers_for(None, several, "patient") is None
    assert len(readers_for(path, several, "image")) == 12


def test_images_are_the_same_however_their_identifiers_are_padded(tmp_path):
    rows = "image_id;Ada\n007 ;1\n\ufeff8;0\na\u00a0;1\n"
    (tmp_path / "r.csv").write_bytes(rows.encode("utf-8-sig"))
    found = read_readers(tmp_path / "r.csv")
    assert found["Ada"].to_dict() == {"007": 1.0, "8": 0.0, "a": 1.0}
