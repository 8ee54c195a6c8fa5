import pytest

from medcnn.data.checks import check_path
from medcnn.errors import DataError


def test_a_missing_path_is_told_by_the_part_that_is_missing(tmp_path):
    (tmp_path / "images" / "train").mkdir(parents=True)
    check_path(tmp_path / "images", "data.root")
    with pytest.raises(DataError, match=r"no 'imagse'(.|\n)*did you mean .*images\?"):
        check_path(tmp_path / "imagse" / "train" / "more", "data.root")
    with pytest.raises(DataError, match="check the path"):
        check_path(tmp_path / "images" / "train" / "qqqq", "data.root")
