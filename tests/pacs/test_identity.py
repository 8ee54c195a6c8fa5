"""UIDs that follow from what they name."""

import uuid

from medcnn.pacs.identity import digest_of, uid_of


def test_uids_are_valid_uuids_that_follow_from_every_part():
    found = uid_of("1.2.3", "abc", "report")
    assert found.is_valid
    assert uuid.UUID(int=int(found.removeprefix("2.25."))).version == 5
    others = {uid_of("1.2.4", "abc", "report"), uid_of("1.2.3", "abd", "report")}
    others |= {uid_of("1.2.3", "abc", "heat"), uid_of("1.2.3", "abc", "report", "series")}
    assert len(others | {found}) == 5
    assert found == uid_of("1.2.3", "abc", "report")


def test_a_digest_heeds_values_and_not_their_order():
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
