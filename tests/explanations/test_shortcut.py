import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from medcnn.explanations.localization import area, mass_inside
from medcnn.explanations.marker import burn_in
from medcnn.explanations.shortcut import heat_on_marker, looks_at_marker, marker_test
from medcnn.explanations.subjects import Subjects

SIDE = 256


@pytest.fixture
def subjects(tmp_path):
    """Twenty films of soft noise, every other one with a marker, two of each patient."""
    rng = np.random.default_rng(0)
    rows, images = [], []
    for number in range(20):
        soft = cv2.GaussianBlur(rng.random((SIDE, SIDE)).astype(np.float32), (0, 0), 12)
        film = 0.3 + (soft - soft.mean())
        film[200:240, 100:150] = 0.9  # as bright as the marker, but not in an upper corner
        if number % 2 == 0:
            film = film + burn_in(film, "RL"[number // 2 % 2], SIDE).difference
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.clip(film * 255, 0, 255).astype(np.uint8))
        rows.append({"image_id": str(number), "patient_id": str(number // 4), "path": str(path)})
        images.append(cv2.resize(film, (64, 64), interpolation=cv2.INTER_AREA))
    return Subjects(pd.DataFrame(rows), torch.from_numpy(np.stack(images))[:, None])


def corners(image):
    """A probability that hangs on the brightest pixel of the upper corners alone."""
    upper = torch.cat([image[:, 0, :20, :12], image[:, 0, :20, -12:]], 2)
    return upper.amax((1, 2)).clamp(0, 1).double().numpy()


def middle(image):
    return image[:, 0, 30:50, 20:44].mean((1, 2)).double().numpy()


def test_a_model_that_looks_at_the_marker_is_found_out(subjects):
    found = marker_test(subjects, corners, 0.5, count=10)
    assert (found.looked_at, found.with_marker) == (20, 10)
    assert found.removal.n == found.insertion.n == 10
    assert found.removal.n_patients == 5
    assert found.removal.change.ci[1] < -0.1 < 0.1 < found.insertion.change.ci[0]
    assert found.insertion.flipped.value == found.removal.flipped.value == 1.0
    assert abs(found.beside.change.value) < 0.02
    assert found.evidence == ("removal", "insertion")
    assert looks_at_marker(found.removal, found.insertion) == found.evidence


def test_a_model_that_looks_at_the_chest_is_not_accused(subjects):
    found = marker_test(subjects, middle, 0.5, count=10)
    assert found.evidence == ()
    assert found.removal.change.value == pytest.approx(0, abs=1e-6)
    assert found.insertion.flipped.value == 0.0


def test_only_so_many_images_are_changed_as_were_asked(subjects):
    found = marker_test(subjects, corners, 0.5, count=3)
    assert found.removal.n == found.insertion.n == 3 and found.looked_at == 6
    # Three images of two patients: whatever they say, they are too few for a verdict.
    assert found.removal.n_patients == 2 and found.evidence == ()


def test_without_any_marker_nothing_can_be_painted_over(subjects):
    found = marker_test(subjects.of(range(1, 20, 2)), corners, 0.5, count=10)
    assert found.removal.n == 0 and found.removal.change.value is None
    assert found.removal.flipped.value is None
    assert found.evidence == ("insertion",)


def test_the_heat_on_the_marker_stands_beside_the_area_that_it_covers():
    rng = np.random.default_rng(0)
    heat, marker = rng.random((6, 16, 16), np.float32), rng.random((6, 16, 16)) < 0.1
    found = heat_on_marker(heat, marker, pd.Series(list("aabbcd")), 0.95)
    assert found.heat.value == pytest.approx(mass_inside(heat, marker).mean())
    assert found.area.value == pytest.approx(area(marker).mean())
    assert found.heat.method.endswith("clustered")
    none = heat_on_marker(heat[:0], marker[:0], pd.Series([], dtype=str), 0.95)
    assert none.heat.value is None
