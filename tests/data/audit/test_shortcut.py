import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medcnn.data.audit.shortcut import ALARM, Probe, border_pixels, metadata, probe_shortcuts
from medcnn.data.cache.cache import build_cache
from medcnn.data.sources.phantom import read as read_phantom
from medcnn.data.splits.splits import assign_splits
from medcnn.metrics.estimate import Estimate

N = 160
LABEL = [0, 1] * (N // 2)


def noise(n=N, side=32):
    return list(np.random.default_rng(0).integers(60, 190, (n, side, side), dtype=np.uint8))


def probe(stored, images, **columns):
    manifest, cache = stored(images, size=32, label=LABEL, split="train", **columns)
    return probe_shortcuts(manifest.table, cache)


def test_noise_predicts_nothing_and_gives_no_finding(stored):
    rng = np.random.default_rng(1)
    shortcut = probe(stored, noise(), age=rng.integers(20, 80, N), sex=rng.choice(["F", "M"], N))
    assert shortcut.findings() == []
    for found in shortcut.probes:
        low, high = found.auroc.ci
        assert low < 0.65
        assert high > 0.4
    assert "age" in shortcut.to_json()["metadata"]["sees"]


def test_a_mark_in_the_corner_is_found_and_the_centre_is_not_seen(stored):
    images = noise()
    for label, image in zip(LABEL, images, strict=True):
        image[2:4, 28:31] = 250 if label else 40
    found = probe(stored, images).to_json()
    assert found["border"]["auroc"]["ci"][0] > 0.9
    assert found["auroc"] == found["border"]["auroc"]
    images = noise()
    for label, image in zip(LABEL, images, strict=True):
        image[8:24, 8:24] = 200 if label else 100
    assert probe(stored, images).to_json()["border"]["auroc"]["ci"][0] < ALARM


def test_a_site_that_tells_the_label_is_found(stored):
    rng = np.random.default_rng(2)
    site = [str(rng.choice(["a", "b"] if label else ["b", "c"])) for label in LABEL]
    shortcut = probe(stored, noise(), site=site)
    (text,) = shortcut.findings()
    assert text.startswith("A model that sees only metadata (")
    assert "site" in text
    assert "predicts the label with AUROC 0." in text


def test_columns_that_repeat_the_label_or_do_not_vary_are_not_metadata(stored):
    columns = {"finding": [f"f{label}" for label in LABEL], "sex": "F", "age": range(N)}
    manifest, cache = stored(noise(), size=32, label=LABEL, split="train", **columns)
    known = metadata(manifest.table, cache.facts_of(np.arange(N), ("rows", "kind")))
    assert "age" in known
    assert not {"finding", "label", "sex", "rows", "kind"} & set(known)


def test_the_test_split_is_not_looked_at(stored):
    images = noise()
    split = ["train"] * (N - 60) + ["test"] * 60
    for row in range(N - 60, N):
        images[row][:3] = 255 * LABEL[row]
    manifest, cache = stored(images, size=32, label=LABEL, split=split)
    shortcut = probe_shortcuts(manifest.table, cache)
    assert shortcut.images == N - 60
    assert shortcut.findings() == []


def test_patients_are_not_split_between_folds(stored):
    # Two images a patient share a private border: only a split by image could exploit it.
    images = noise()
    rng = np.random.default_rng(4)
    label = np.repeat(rng.permutation([0, 1] * (N // 4)), 2)
    for patient in range(N // 2):
        images[2 * patient + 1][...] = images[2 * patient]
    manifest, cache = stored(
        images, size=32, label=label, split="train", patient_id=[f"p{row // 2}" for row in range(N)]
    )
    (found,) = [p for p in probe_shortcuts(manifest.table, cache).probes if p.name == "border"]
    assert found.auroc.value < 0.65
    assert found.auroc.method == "delong-clustered"


def test_too_few_patients_are_said(stored):
    manifest, cache = stored(noise(20), size=32, label=LABEL[:20], split="train")
    shortcut = probe_shortcuts(manifest.table, cache)
    assert shortcut.to_json()["auroc"] is None
    assert "fewer than 20 patients of a class" in shortcut.reasons[0]


def test_border_features_come_from_the_border_alone(stored):
    images = noise(2)
    images[1] = images[0].copy()
    images[1][6:26, 6:26] = 0
    _, cache = stored(images, size=32, label=[0, 1])
    one, other = border_pixels(cache, np.arange(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("low", "finding"), [(0.69, 0), (0.71, 1)])
def test_the_alarm_is_raised_by_the_lower_bound(low, finding):
    estimate = Estimate(0.8, (low, 0.9), "delong")
    assert len(Probe("border", "the border", estimate).sentence()) == finding


def test_a_burnt_in_marker_of_the_phantom_is_found(tmp_path):
    manifest = assign_splits(read_phantom(n_images=90, size=64, marker_bias=1.0, workers=1))
    cache = build_cache(manifest.table, size=64, root=tmp_path, workers=0, progress=False)
    shortcut = probe_shortcuts(manifest.table, cache)
    (border,) = [found for found in shortcut.probes if found.name == "border"]
    rows = manifest.table[manifest.table["split"] != "test"]
    seen = rows["marker"].ne("").astype(int)
    assert roc_auc_score(rows["label"], seen) > 0.95
    assert border.sentence()
