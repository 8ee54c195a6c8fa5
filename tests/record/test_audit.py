import json

import pytest

from medcnn.errors import DataError
from medcnn.record.audit import read_audit

SOUND = {
    "images": 10,
    "patients": 8,
    "cross_split_duplicates": 1,
    "cross_split_patients": 2,
    "verdict": "stop",
    "findings": ["two patients"],
    "unreadable": ["a.png"],
}


def test_the_audit_is_read(tmp_path):
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(SOUND))
    found = read_audit(path)
    assert (found.verdict, found.images, found.leaks) == ("stop", 10, 3)
    assert found.content == SOUND


@pytest.mark.parametrize(
    "change", [{"verdict": "fine"}, {"images": "ten"}, {"findings": None}, {"unreadable": 3}]
)
def test_a_damaged_audit_is_refused_by_name(tmp_path, change):
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(SOUND | change))
    with pytest.raises(DataError, match=r"audit\.json is not a readable audit"):
        read_audit(path)
