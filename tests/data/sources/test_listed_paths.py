import pandas as pd
import pytest

from medcnn.data.sources.listed_paths import listed_paths


@pytest.mark.parametrize(
    "cell",
    [
        "a/José 1.PNG",
        " a/José 1.PNG ",
        '"a/José 1.PNG"',
        "a\\José 1.PNG",
        ".\\a\\José 1.PNG",
        "a/Jose\u0301 1.PNG",
        "a/josé 1.png",
        "a/José 1",
        "~/a/José 1.PNG",
    ],
)
def test_a_file_is_found_by_what_is_meant(tmp_path, monkeypatch, cell):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "José 1.PNG").touch()
    (found,) = listed_paths(pd.Series([cell]), tmp_path)
    assert found == str(tmp_path / "a" / "José 1.PNG")


def test_a_name_as_it_stands_goes_first_and_nothing_is_guessed(tmp_path):
    for name in ("b\\c.png", "d.png", "d.jpg"):
        (tmp_path / name).touch()
    cells = pd.Series(["b\\c.png", "d", "absent.png", None, "x.npz#images/3", "/abs.png"])
    found = listed_paths(cells, tmp_path)
    assert found.dropna().tolist() == [
        *(str(tmp_path / name) for name in ("b\\c.png", "d", "absent.png", "x.npz#images/3")),
        "/abs.png",
    ]
