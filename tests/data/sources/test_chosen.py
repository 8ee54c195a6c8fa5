from __future__ import annotations

import pytest

from medcnn.data.sources.chosen import check_sources, source_names, source_options
from medcnn.errors import ConfigError
from medcnn.settings.composition import config_folder


def test_the_names_are_the_options_of_the_data_group():
    names = source_names()
    assert {"nih", "rsna", "phantom", "manifest"} <= set(names)
    assert "several" not in names
    assert all((config_folder() / "data" / f"{name}.yaml").is_file() for name in names)


def test_a_source_has_its_own_defaults_root_and_options():
    data = {"roots": {"chexpert": "/a"}, "options": {"chexpert": {"uncertain": "u_zeros"}}}
    assert source_options("chexpert", data) == {
        "_target_": "medcnn.data.sources.chexpert.read",
        "root": "/a",
        "uncertain": "u_zeros",
        "views": "frontal",
    }


def test_no_sources_is_one_source():
    assert check_sources({"sources": [], "roots": {"nih": None}, "root": "/a"}) == []
    assert check_sources({}) == []


def test_a_source_that_makes_its_own_files_needs_no_root():
    assert check_sources({"sources": ["phantom", "nih"], "roots": {"nih": "/a"}}) == [
        *("phantom", "nih")
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sources": "nih"}, "has to be a list"),
        ({"sources": [], "source": None}, "has to be a list"),
        ({"sources": ["nhi"]}, "no source named 'nhi'(?s:.*)did you mean 'nih'"),
        ({"sources": ["nih"]}, r"its folder is not given(?s:.*)data\.roots\.nih=PATH"),
        ({"sources": ["nih", "nih"], "roots": {"nih": "/a"}}, "names nih twice"),
        ({"sources": ["nih"], "roots": {"nih": "/a", "rsna": "/b"}}, "rsna is not in data"),
        ({"roots": {"rsna": "/b"}}, r"data\.roots\.rsna is given"),
        (
            {"sources": ["nih"], "roots": {"nih": "/a"}, "options": {"siim": {"views": "all"}}},
            r"data\.options\.siim is given",
        ),
        (
            {"sources": ["nih"], "roots": {"nih": "/a"}, "options": {"nih": {"oficial_split": 0}}},
            "did you mean 'official_split'",
        ),
        ({"sources": ["nih"], "roots": {"nih": "/a"}, "root": "/c"}, r"data\.root is for one"),
    ],
)
def test_slips(data, message):
    with pytest.raises(ConfigError, match=message):
        check_sources(data)
