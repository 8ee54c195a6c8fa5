import pytest

from medcnn.errors import DataError
from medcnn.files.remote import check_mounted


@pytest.mark.parametrize(
    "place", ["s3://bucket/x", "https://host/a.zip", "gs://b", "abfss://c@d/e"]
)
def test_an_address_is_to_be_mounted(place):
    with pytest.raises(DataError, match=r"input is no path(.|\n)*mount it"):
        check_mounted(place, "input")


@pytest.mark.parametrize("place", ["/a://b", "a/b", "file:///a/b", "C:/x", "~/scans", ""])
def test_a_path_is_one(place):
    check_mounted(place, "input")
