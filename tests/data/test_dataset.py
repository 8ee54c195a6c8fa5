import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from medcnn.augment.pipeline import Augmentation
from medcnn.data.cache.cache import build_cache
from medcnn.data.dataset import BatchRequest, BatchSampler, CachedBatches


def all_rows(sampler):
    return [request.rows for request in sampler]


def test_an_epoch_takes_every_row_once_in_an_order_of_its_own():
    sampler = BatchSampler(10, 3, shuffle=True, seed=1)
    first = np.concatenate(all_rows(sampler))
    sampler.set_epoch(1)
    second = np.concatenate(all_rows(sampler))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()


def test_the_order_follows_from_seed_and_epoch_alone():
    one, two = (BatchSampler(50, 8, shuffle=True, seed=4) for _ in range(2))
    for sampler in (one, two):
        sampler.set_epoch(7)
    for left, right in zip(all_rows(one), all_rows(two), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ("n", "drop", "batches"), [(10, False, 4), (10, True, 3), (9, True, 3), (2, True, 1)]
)
def test_length_is_what_is_yielded(n, drop, batches):
    sampler = BatchSampler(n, 3, drop_last=drop)
    assert len(sampler) == batches == len(all_rows(sampler))


def test_processes_share_an_epoch_and_take_as_many_steps_each():
    parts = [
        [(request.step, request.rows) for request in BatchSampler(20, 3, rank=rank, world=2)]
        for rank in range(2)
    ]
    assert len(parts[0]) == len(parts[1]) == 4
    steps = sorted(step for part in parts for step, _ in part)
    assert steps == list(range(8))
    seen = {int(row) for part in parts for _, rows in part for row in rows}
    assert seen == set(range(20))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_divide_every_batch_by_its_rows(world):
    alone = list(BatchSampler(23, 8, shuffle=True, seed=4, drop_last=True))
    place = {"drop_last": True, "world": world, "by_rows": True}
    parts = [
        list(BatchSampler(23, 8, shuffle=True, seed=4, rank=rank, **place)) for rank in range(world)
    ]
    for whole, *those in zip(alone, *parts, strict=True):
        assert {each.step for each in those} == {whole.step}
        rows = np.concatenate([each.rows[each.own] for each in those])
        np.testing.assert_array_equal(rows, whole.rows)


def test_an_epoch_that_was_interrupted_goes_on_after_the_batches_it_had():
    whole, resumed = (BatchSampler(20, 3, shuffle=True, seed=2) for _ in range(2))
    resumed.go_on_after(1, 4)
    for epoch, left_out in ((0, 0), (1, 4), (2, 0)):
        for sampler in (whole, resumed):
            sampler.set_epoch(epoch)
        rest = list(whole)[left_out:]
        assert [request.step for request in resumed] == [request.step for request in rest]
        for ours, theirs in zip(all_rows(resumed), [each.rows for each in rest], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_weights_balance_the_draws():
    weights = np.array([9.0] * 10 + [1.0] * 90)
    sampler = BatchSampler(100, 10, shuffle=True, seed=0, weights=weights)
    drawn = []
    for epoch in range(50):
        sampler.set_epoch(epoch)
        drawn.append(np.concatenate(all_rows(sampler)))
    rare = np.mean(np.concatenate(drawn) < 10)
    # Expected 0.5; 5000 draws have a standard error of 0.007.
    assert abs(rare - 0.5) < 0.03


@pytest.fixture
def cached(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 16, 16), dtype=np.uint8)
    for row, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
    table = pd.DataFrame(
        {
            "image_id": [f"i{row}" for row in range(6)],
            "path": [str(tmp_path / f"{row}.png") for row in range(6)],
        }
    )
    return images, build_cache(table, size=16, root=tmp_path / "cache", workers=0, progress=False)


def batches_of(cache, **options):
    return CachedBatches(
        cache, [f"i{row}" for row in range(6)], ["p"] * 6, [0, 1, 0, 1, 0, 1], **options
    )


def test_a_batch_holds_the_pixels_labels_and_identifiers_of_its_rows(cached):
    images, cache = cached
    batch = batches_of(cache)[BatchRequest(0, 0, np.array([4, 1]))]
    assert batch["image"].shape == (2, 1, 16, 16)
    np.testing.assert_allclose(batch["image"][:, 0].numpy(), images[[4, 1]] / 255, atol=1e-6)
    assert batch["label"].tolist() == [0.0, 1.0]
    assert batch["image_id"] == ["i4", "i1"]


@pytest.mark.parametrize("where", ["augment", "pending", "undivided", "nowhere"])
def test_an_image_meets_the_same_fate_in_a_part_of_its_batch(cached, where):
    _, cache = cached
    strong = Augmentation(
        {"rotation": {"degrees": 20, "p": 0.7}, "noise": {"sd": 0.1}, "elastic": {}}
    )
    options = {
        "augment": {"augment": strong},
        "pending": {"pending": strong},
        "undivided": {"augment": strong.__call__},
        "nowhere": {},
    }[where]
    batches = batches_of(cache, seed=3, **options)
    rows = np.array([4, 1, 0, 5, 2])
    whole, *parts = (
        batches[BatchRequest(1, 2, rows, rank, world)] for rank, world in ((0, 1), (0, 2), (1, 2))
    )
    assert [part["whole"] for part in parts] == [5, 5] and "whole" not in whole
    done = [part.get("pending", lambda image: image) for part in (whole, *parts)]
    images = [now(part["image"]) for now, part in zip(done, (whole, *parts), strict=True)]
    assert [len(image) for image in images] == [5, 3, 2]
    np.testing.assert_allclose(torch.cat(images[1:]), images[0], atol=1e-6)
    assert [*parts[0]["image_id"], *parts[1]["image_id"]] == whole["image_id"]
    assert torch.equal(torch.cat([part["label"] for part in parts]), whole["label"])


def test_augmentation_is_keyed_by_seed_epoch_and_step(cached):
    _, cache = cached

    def shift(images, rng):
        return images ^ rng.integers(0, 256, dtype=np.uint8)

    rows = np.arange(6)
    one = batches_of(cache, augment=shift, seed=3)
    two = batches_of(cache, augment=shift, seed=3)
    same = two[BatchRequest(2, 5, rows)]["image"]
    one[BatchRequest(0, 0, rows)]
    assert (one[BatchRequest(2, 5, rows)]["image"] == same).all()
    assert not (one[BatchRequest(2, 6, rows)]["image"] == same).all()
    assert not (one[BatchRequest(3, 5, rows)]["image"] == same).all()
