from __future__ import annotations

import pytest

from medcnn.data.settings import Data, Source
from medcnn.data.sources.chosen import check_sources, source_names, source_of
from medcnn.errors import ConfigError
from medcnn.settings.composition import config_folder


def test_the_names_are_the_options_of_the_data_group():
    names = source_names()
    assert {"nih", "rsna", "phantom", "manifest"} <= set(names)
    assert "several" not in names
    assert all((config_folder() / "data" / f"{name}.yaml").is_file() for name in names)


def test_a_source_has_its_own_defaults_root_and_options():
    data = Data(roots={"chexpert": "/a"}, options={"chexpert": {"uncertain": "u_zeros"}})
    found = source_of("chexpert", data)
    assert found.target == "medcnn.data.sources.chexpert.read"
    assert found.arguments == {
        "root": "/a",
        "uncertain": "u_zeros",
        "views": "frontal",
    }


def test_no_sources_is_one_source():
    assert check_sources(Data(roots={"nih": None}, root="/a", source=Source("x"))) == ()


def test_a_source_that_makes_its_own_files_needs_no_root():
    assert check_sources(Data(sources=("phantom", "nih"), roots={"nih": "/a"})) == (
        *("phantom", "nih"),
    )


def test_one_word_among_the_options_of_a_source_is_a_list_of_one():
    data = Data(roots={"folder": "/a"}, options={"folder": {"abnormal": "sick"}})
    assert source_of("folder", data).arguments["abnormal"] == ["sick"]


@pytest.mark.each(
    ("data", "message"),
    [
        ({"sources": []}, "data=several needs its sources"),
        ({"sources": ["nhi"]}, "no source named 'nhi'(?s:.*)did you mean 'nih'"),
        ({"sources": ["nih"]}, r"its folder is not given(?s:.*)data\.roots\.nih=PATH"),
        ({"sources": ["nih", "nih"], "roots": {"nih": "/a"}}, "names nih twice"),
        ({"sources": ["nih"], "roots": {"nih": "/a", "rsna": "/b"}}, "rsna is not in data"),
        ({"roots": {"rsna": "/b"}, "source": Source("x")}, r"data\.roots\.rsna is given"),
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
        check_sources(Data(**data))
