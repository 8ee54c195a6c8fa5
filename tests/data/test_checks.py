from dataclasses import replace

import pytest

from medcnn.data.checks import check_data, check_path
from medcnn.data.settings import Columns, Data, Source
from medcnn.errors import ConfigError, DataError
from medcnn.settings.fields import Component


def test_a_missing_path_is_told_by_the_part_that_is_missing(tmp_path):
    (tmp_path / "images" / "train").mkdir(parents=True)
    check_path(tmp_path / "images", "data.root")
    with pytest.raises(DataError, match=r"no 'imagse'(.|\n)*did you mean .*images\?"):
        check_path(tmp_path / "imagse" / "train" / "more", "data.root")
    with pytest.raises(DataError, match="check the path"):
        check_path(tmp_path / "images" / "train" / "qqqq", "data.root")


def test_groups_are_balanced_by_the_sampler_alone():
    source = Source("medcnn.data.sources.phantom.generate.read")
    data = Data(source=source, balance="weights", balance_by=("site",))
    with pytest.raises(ConfigError, match="balance=sampler with it"):
        check_data(data)
    check_data(replace(data, balance="sampler"))


def test_names_of_columns_are_for_a_table_alone(tmp_path):
    named = Data(name="folder", source=Component("x"), columns=Columns(label="Befund"))
    with pytest.raises(ConfigError, match=r"data\.columns\.label is for a table of your own"):
        check_data(named)
    with pytest.raises(ConfigError, match=r"data\.images is for a table of your own"):
        check_data(Data(name="nih", source=Component("x"), images=str(tmp_path)))
    check_data(Data(name="manifest", source=Component("x"), columns=Columns(label="Befund")))


def test_sources_are_nothing_without_folds_of_them():
    source = Source("medcnn.data.sources.phantom.generate.read")
    with pytest.raises(ConfigError, match=r"data\.fold_by needs folds"):
        check_data(Data(source=source, fold_by="site"))
    check_data(Data(source=source, fold_by="site", folds=3, fold=1))
