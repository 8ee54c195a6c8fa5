from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from medcnn.errors import DataError
from medcnn.explanations.subjects import (
    Subjects,
    draw,
    load,
    markers_of,
    masks_of,
    with_mask,
)


def test_a_draw_keeps_the_order_and_follows_the_seed():
    rows = pd.DataFrame({"image_id": [str(n) for n in range(50)]})
    first, again, other = draw(rows, 10, 3), draw(rows, 10, 3), draw(rows, 10, 4)
    assert first.equals(again) and not first.equals(other)
    assert first["image_id"].astype(int).is_monotonic_increasing and len(first) == 10
    assert draw(rows, 99, 3).equals(rows)


def test_the_pixels_are_those_of_the_files_in_the_order_of_the_rows(films, trained):
    rows = films.table.iloc[[5, 2, 9]]
    subjects = load(films, rows, replace(trained.settings.data, exact=True))
    assert subjects.table["image_id"].tolist() == rows["image_id"].tolist()
    for image, path in zip(subjects.image_N1SS, rows["path"], strict=True):
        stored = cv2.imread(path, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
        small = cv2.resize(stored, (32, 32), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(image[0].numpy(), small, atol=0.01)


def test_some_of_the_images_keep_their_rows():
    table = pd.DataFrame({"image_id": list("abc"), "patient_id": list("xyx")})
    subjects = Subjects(table, torch.arange(3.0).reshape(3, 1, 1, 1))
    some = subjects.of([2, 0])
    assert some.table["image_id"].tolist() == ["c", "a"]
    assert some.image_N1SS.flatten().tolist() == [2.0, 0.0]
    assert some.cluster.tolist() == [0, 0] and len(subjects.of([])) == 0


def test_only_rows_with_a_path_have_a_mask(films):
    assert with_mask(films.table)["label"].eq(1).all()
    assert with_mask(films.table.drop(columns="mask_path")).empty


def test_a_mask_that_cannot_be_read_is_named(films, trained, tmp_path):
    (tmp_path / "mask.png").write_text("none")
    rows = films.table.iloc[[1]].assign(mask_path=str(tmp_path / "mask.png"))
    subjects = load(films, rows, trained.settings.data)
    with pytest.raises(DataError, match="The mask of film/1 cannot be read"):
        masks_of(subjects)


def test_markers_are_where_the_letter_was_burnt_in(films, trained):
    subjects = load(films, films.table.iloc[:6], trained.settings.data)
    found = markers_of(subjects)
    assert found.any((1, 2)).tolist() == [True, False, False, True, False, False]
    rows, columns = np.nonzero(found[0])
    assert columns.max() < 8 and rows.max() < 10
