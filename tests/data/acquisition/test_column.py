import numpy as np
import pytest

from medcnn.data.acquisition.column import with_acquisition

SITES = 3


@pytest.fixture
def three_sites(pictures, stored):
    """Return pictures of three makers, dark, noisy and plain, and who made which."""
    drawn = pictures(120, side=48)
    rng = np.random.default_rng(0)
    maker = rng.integers(0, SITES, len(drawn))
    made = [
        picture * 0.5 if by == 0 else picture + rng.normal(0, 25, picture.shape) * (by == 1)
        for by, picture in zip(maker, drawn, strict=True)
    ]
    images = [np.clip(picture, 0, 255).astype(np.uint8) for picture in made]
    split = ["test" if row % 10 == 9 else "" for row in range(len(images))]
    label = [row // 2 % 2 for row in range(len(images))]
    return (*stored(images, size=48, label=label, split=split), maker)


def test_makers_are_found_and_the_test_split_is_not_looked_at(three_sites):
    manifest, cache, maker = three_sites
    found = with_acquisition(manifest, cache, SITES)
    column, tested = found.table["acquisition"], manifest.table["split"].eq("test")
    assert (column[tested] == "").all()
    names = {by: set(column[~tested & (maker == by)]) for by in range(SITES)}
    assert sorted(name for each in names.values() for name in each) == ["c1", "c2", "c3"]
    assert [notice.key for notice in found.warnings[len(manifest.warnings) :]] == [
        "acquisition_found"
    ]


def test_the_order_of_the_rows_changes_nothing(three_sites):
    manifest, cache, _ = three_sites
    shuffled = manifest.with_table(manifest.table.sample(frac=1, random_state=1))
    columns = [
        with_acquisition(each, cache, SITES, seed=3).table.set_index("image_id")["acquisition"]
        for each in (manifest, shuffled)
    ]
    assert columns[0].sort_index().equals(columns[1].sort_index())
