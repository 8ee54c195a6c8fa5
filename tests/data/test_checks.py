from dataclasses import replace

import pytest

from medcnn.data.checks import check_data, check_path
from medcnn.data.settings import Data, Source
from medcnn.errors import ConfigError, DataError


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
