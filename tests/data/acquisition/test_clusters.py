import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from medcnn.data.acquisition.clusters import find_clusters
from medcnn.errors import DataError

SHARES = {0: (0.5, 0.3, 0.2), 1: (0.15, 0.25, 0.6)}


def three_sites(n=600, shift=0.0, seed=0):
    """Return numbers of three sites that see other shares of abnormal; labels differ by ``shift``."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    site = np.array([rng.choice(3, p=SHARES[each]) for each in label])
    centre = np.array([[0, 0, 4], [4, 0, 0], [0, 4, -4]])
    border = centre[site] + rng.normal(size=(n, 3)) * 0.5 + shift * label[:, None]
    return {"border": border, "noise": rng.normal(size=(n, 1)) * 0.1}, label, site


@pytest.mark.parametrize("shift", [0.0, 1.0, 40.0])
def test_sites_are_found_however_far_the_labels_lie_apart(shift):
    kinds, label, site = three_sites(shift=shift)
    found = find_clusters({"border": kinds["border"]}, label, 3)
    assert adjusted_rand_score(site, found.cluster) > 0.95
    assert found.shared > 0.95
    assert (found.apart > 1) == (shift > 1)


def test_every_cluster_holds_both_labels_and_the_largest_is_the_first():
    kinds, label, _ = three_sites()
    found = find_clusters(kinds, label, 5)
    counts = np.stack([np.bincount(found.cluster[label == each]) for each in (0, 1)])
    assert counts.min() >= 10
    assert (np.diff(counts.sum(axis=0)) <= 0).all()


def test_a_site_with_one_class_is_given_up():
    kinds, label, _ = three_sites()
    alone = np.flatnonzero(label == 1)[:60]
    kinds["border"][alone] += 30
    found = find_clusters(kinds, label, 4)
    assert found.found == 3 < found.asked


def test_what_parts_one_label_alone_is_no_cluster():
    rng = np.random.default_rng(3)
    label = np.arange(800) % 2
    of_normal = np.where(label == 0, rng.integers(0, 3, 800) * 9.0, 0.0)
    of_abnormal = np.where(label == 1, rng.integers(0, 3, 800) * 9.0, 0.0)
    numbers = np.column_stack([of_normal, of_abnormal]) + rng.normal(size=(800, 2)) * 0.5
    with pytest.raises(DataError, match="a cluster would be a label"):
        find_clusters({"border": numbers}, label, 3)


def test_the_label_by_another_name_is_no_cluster():
    label = np.arange(200) % 2
    with pytest.raises(DataError, match="all images were made alike"):
        find_clusters({"file": np.column_stack([label * 90.0, np.ones(200)])}, label, 3)


def test_too_few_images_are_refused_in_words():
    kinds, label, _ = three_sites(n=40)
    with pytest.raises(DataError, match="too few images of each class") as caught:
        find_clusters(kinds, label, 3)
    assert "data.fold_by=patient" in caught.value.remedy
