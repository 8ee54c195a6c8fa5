import json

import numpy as np
import pandas as pd
import pytest

from medcnn.api import evaluate
from medcnn.errors import ConfigError, DataError


@pytest.fixture
def files(tmp_path):
    """Two models' predictions, a reader's decisions, and three readers of the same images."""
    rng = np.random.default_rng(1)
    n = 240
    label = rng.integers(0, 2, n)
    base = pd.DataFrame(
        {
            "image_id": [f"i{row:03d}" for row in range(n)],
            "patient_id": [f"p{row // 2:03d}" for row in range(n)],
            "label": label,
            "split": np.where(np.arange(n) < 80, "val", "test"),
        }
    )
    for name, noise in (("new", 1.0), ("old", 2.0)):
        logit = 2 * label - 1 + rng.normal(scale=noise, size=n)
        base.assign(p_abnormal=1 / (1 + np.exp(-logit))).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    test = base[base["split"] == "test"]
    wrong = rng.random((len(test), 2)) < 0.15
    decided = np.abs(test["label"].to_numpy()[:, None] - wrong)
    ids = test[["image_id"]]
    ids.assign(decision=decided[:, 0]).to_csv(tmp_path / "ada.csv", index=False)
    ids.assign(Ada=decided[:, 0], Ben=decided[:, 1]).to_csv(tmp_path / "readers.csv", index=False)
    return tmp_path


def asked(files, names, *overrides):
    paths = ",".join(str(files / f"{name}.csv") for name in names)
    return [f"compare=[{paths}]", f"output={files / 'out'}", *overrides]


def test_two_files_side_by_side(files, capsys):
    found = evaluate(
        asked(files, ("new", "old"), "margin=0.05", f"readers={files / 'readers.csv'}")
    )
    assert found["names"] == ["new", "old"]
    assert (found["n"], found["n_patients"], found["clustered"]) == (160, 80, True)
    assert [threshold["chosen_on"] for threshold in found["thresholds"]] == ["val", "val"]
    assert json.loads((files / "out" / "comparison.json").read_text()) == found
    assert "Ben" in (files / "out" / "comparison.html").read_text("utf-8")
    assert "new minus old (95% CI)" in capsys.readouterr().out


def test_a_reader_and_an_old_model_are_corrected_together(files):
    found = evaluate(asked(files, ("new", "old", "ada")))["comparisons"]
    assert [each["names"][1] for each in found] == ["old", "ada"]
    smallest = min(p for each in found for p in each["p_values"].values())
    asked_at_once = sum(len(each["p_values"]) for each in found)
    lowest = min(p for each in found for p in each["holm"].values())
    assert lowest == pytest.approx(min(1, smallest * asked_at_once))
    assert "auroc" not in found[1]["differences"]
    assert (files / "out" / "against_ada" / "comparison.html").is_file()


def test_by_patient_a_reader_calls_abnormal_who_has_one_abnormal_image(files):
    found = evaluate(asked(files, ("new", "ada"), "level=patient", "aggregate=max"))
    table = pd.read_csv(files / "ada.csv").merge(pd.read_csv(files / "new.csv"), on="image_id")
    units = table.groupby("patient_id")[["label", "decision"]].max()
    expected = units.loc[units["label"] == 1, "decision"].mean()
    assert found["b"]["sensitivity"]["value"] == pytest.approx(expected)
    assert (found["n"], found["unit"], found["clustered"]) == (80, "patient", False)


@pytest.mark.parametrize(
    ("names", "override", "kind", "complaint"),
    [
        (("new",), "seed=0", ConfigError, "two or more"),
        (("new", "old"), "margin=5", ConfigError, "margin cannot be 5"),
        (("new", "gone"), "seed=0", DataError, "nothing to compare"),
        (("ada", "new"), "seed=0", DataError, "name the run first"),
        (("new", "foreign"), "seed=0", DataError, "1 images that the first does not know"),
    ],
)
def test_what_cannot_be_compared_is_refused(files, names, override, kind, complaint):
    (files / "foreign.csv").write_text("image_id,decision\nnobody,1\ni200,0\n")
    with pytest.raises(kind, match=complaint):
        evaluate(asked(files, names, override))


def test_files_with_other_names_of_columns(files):
    plain = evaluate(asked(files, ("new", "old")))
    for name in ("new", "old"):
        table = pd.read_csv(files / f"{name}.csv")
        table.rename(columns={"label": "y_true", "p_abnormal": "score"}).to_csv(
            files / f"{name}.csv", index=False
        )
    names = ("columns.label=y_true", "columns.p_abnormal=score")
    assert evaluate(asked(files, ("new", "old"), *names))["differences"] == plain["differences"]
    # A reader's decisions have no probability to be named.
    assert evaluate(asked(files, ("new", "ada"), *names))["names"] == ["new", "ada"]
