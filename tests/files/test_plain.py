import pytest

from medcnn.errors import DataError
from medcnn.files.plain import read_json, read_object


def test_json_is_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"ü": [1, null]}', encoding="utf-8")
    assert read_object(path) == {"ü": [1, None]}


@pytest.mark.each(
    "content", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b"NaN", b'{"a": -Infinity}', b"\x00"]
)
def test_what_is_no_json_is_refused_by_name(tmp_path, content):
    path = tmp_path / "audit.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"audit\.json is not a readable JSON file") as caught:
        read_json(path, remedy="train again")
    assert caught.value.remedy == "train again"


def test_a_list_is_no_object(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1]")
    assert read_json(path) == [1]
    with pytest.raises(DataError, match="a list"):
        read_object(path)


def test_an_absent_file_is_called_what_it_is(tmp_path):
    with pytest.raises(DataError, match="There is no audit "):
        read_json(tmp_path / "absent.json", what="audit")
