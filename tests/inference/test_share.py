import pytest

from medcnn.errors import ConfigError
from medcnn.inference.share import Share, shares_beside


@pytest.mark.each("text", ["0/4", "5/4", "3", "3/0", "-1/4", "a/b", "1/4/2", "1.5/4", ""])
def test_what_names_no_part_is_refused(text):
    with pytest.raises(ConfigError, match=r"from 1/16 to 16/16"):
        Share.parse(text)


@pytest.mark.parametrize("files", [0, 1, 7, 64, 100])
@pytest.mark.parametrize("of", [1, 3, 16])
def test_each_file_is_of_one_share_and_batches_stay_whole(files, of):
    shares = [Share(number, of) for number in range(1, of + 1)]
    owners = [[s.number for s in shares if s.takes(place, 8)] for place in range(files)]
    assert all(len(owner) == 1 for owner in owners)
    for start in range(0, files, 8):
        assert len({owner[0] for owner in owners[start : start + 8]}) == 1
    for share in shares:
        assert share.count(files, 8) == sum(owner == [share.number] for owner in owners)


def test_parts_beside_an_output_are_told_from_all_else(tmp_path):
    output = tmp_path / "o.csv"
    for name in (
        "o.csv.part-2-of-4",
        "o.csv.part-1-of-4.ledger",
        "o.csv.part-x",
        "p.csv.part-1-of-2",
    ):
        (tmp_path / name).touch()
    (tmp_path / "part-3-of-4").touch()
    assert shares_beside(output) == ([Share(2, 4)], [Share(1, 4)])
    assert shares_beside(tmp_path / "nowhere" / "o.csv") == ([], [])
