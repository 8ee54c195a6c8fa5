"""The declared version of the reader is tied to what it makes of the conformance cases.

A change of a digest means that some file is read otherwise, so that cached images are stale: raise
``READER_VERSION`` and run this file as a program, which writes ``reader_digests.json`` again. New
cases alone need no new version.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from medcnn.data.cache.key import make_profile
from medcnn.data.cache.read import KEPT_FACTS
from medcnn.io.conformance.check import PARTS
from medcnn.io.reading import READER_VERSION, read_image

RECORDED = Path(__file__).with_name("reader_digests.json")
CASES = {
    case.name: case
    for part, cases in PARTS.items()
    # A lossy decoder may round otherwise on another machine.
    for case in cases
    if part not in ("transfer syntax", "fault")
}


def digest(case, folder):
    path = Path(folder) / "case.dcm"
    path.write_bytes(case.make())
    image = read_image(path)
    facts = json.dumps({name: getattr(image.facts, name) for name in KEPT_FACTS})
    # Steps of 1/4096, none of which has its border on a value that is common.
    levels = np.floor(image.pixels.astype(np.float64) * 4096 + 0.37).astype("<i4")
    return hashlib.blake2b(levels.tobytes() + facts.encode(), digest_size=8).hexdigest()


def digests():
    with tempfile.TemporaryDirectory() as folder:
        return {name: digest(case, folder) for name, case in CASES.items()}


def test_the_version_is_that_of_the_digests():
    recorded = json.loads(RECORDED.read_text("utf-8"))
    found = digests()
    changed = [name for name, held in recorded["cases"].items() if found.get(name) != held]
    assert not changed, "read otherwise than before: raise READER_VERSION and run this file"
    assert set(found) == set(recorded["cases"]), "new cases: run this file"
    assert recorded["version"] == READER_VERSION


def test_the_cache_is_keyed_by_the_version(monkeypatch):
    from medcnn.data.cache import key

    options = {"size": 64, "dtype": "uint8", "exact": False}
    before = make_profile(**options)
    assert f"medcnn.io={READER_VERSION};" in before.reader
    monkeypatch.setattr(key, "READER_VERSION", READER_VERSION + 1)
    key._reader.cache_clear()
    assert make_profile(**options).name != before.name
    monkeypatch.undo()
    key._reader.cache_clear()
    assert make_profile(**options).name == before.name


if __name__ == "__main__":
    written = {"version": READER_VERSION, "cases": digests()}
    RECORDED.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(f"{len(written['cases'])} digests\n")
