import numpy as np
import pandas as pd

from medcnn.adaptation.shift import unseen_by_fold


def test_a_fold_shows_as_home_what_it_was_not_trained_on_with_each_source_in_its_share():
    names = np.array([f"{site}{number}" for site in "abcde" for number in range(100)])
    role = np.tile(np.repeat(["train", "val"], [80, 20]), 5)
    role[:100] = "test"  # the fold never saw site a, a fifth of all images
    image, split = pd.Series([*names, *names[:7]]), pd.Series(role, names)
    for by_source, of_a in ((True, 20), (False, 100)):
        rows = unseen_by_fold(image, split, 0, by_source=by_source)
        assert not image[rows].duplicated().any()
        assert sorted(image[rows].str[0].value_counts().items()) == [
            ("a", of_a), *((site, 20) for site in "bcde")
        ]  # fmt: skip
        assert not image[rows].map(split).eq("train").any()
