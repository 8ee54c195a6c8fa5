from dataclasses import fields

import pytest

from medcnn.errors import ImageError
from medcnn.io.facts import MAX_PIXELS, Facts, check_size


@pytest.mark.parametrize(("rows", "columns", "most"), [(1, 1, 1), (10_000, 10_000, MAX_PIXELS)])
def test_a_size_up_to_the_limit_passes(rows, columns, most):
    check_size("a.dcm", rows, columns, most)


@pytest.mark.parametrize(
    ("rows", "columns", "kind", "found"),
    [
        (10_001, 10_000, "too_large", "10001×10000 = 100,010,000 pixels"),
        (2**31, 2**31, "too_large", "2147483648×2147483648"),
        (0, 5, "corrupt", "0×5"),
        (5, -1, "corrupt", "5×-1"),
    ],
)
def test_other_sizes_are_refused(rows, columns, kind, found):
    with pytest.raises(ImageError, match="pixels") as caught:
        check_size("a.dcm", rows, columns, MAX_PIXELS)
    assert caught.value.kind == kind
    assert found in caught.value.found


def test_no_fact_is_a_name_or_a_birth_date():
    words = ("name", "birth", "address", "physician", "operator", "institution", "accession")
    assert not [item.name for item in fields(Facts) if any(word in item.name for word in words)]
