from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from medcnn.data.cache.key import make_profile
from medcnn.data.cache.read import read_for_cache
from medcnn.errors import ImageError


def test_facts_name_no_patient_and_fit_into_json(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((20, 10), np.uint8))
    pixels, facts = read_for_cache(str(path), make_profile(size=8, dtype="uint8", exact=False))
    assert pixels.shape == (8, 8)
    assert (facts["rows"], facts["columns"]) == (20, 10)
    assert not {"patient_id", "study_id", "age", "sex"} & set(facts)
    json.dumps(facts)


def test_unreadable_file_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        read_for_cache(str(tmp_path / "b.png"), make_profile(size=8, dtype="uint8", exact=False))
