import numpy as np
import pandas as pd

from medcnn.adaptation.shift import unseen_by_fold


def test_a_fold_shows_as_home_what_it_was_not_trained_on_with_each_source_in_its_share():
    site = np.array([*"a" * 100, *"bcde" * 20])  # of 100 each; the fold never saw a
    table = pd.DataFrame({"split": np.where(site == "a", "test", "val")})
    for by_source, of_a in ((True, 20), (False, 100)):
        rows = unseen_by_fold(table, 500, 0, by_source=by_source)
        counts = pd.Series(site[rows]).value_counts()
        assert counts.to_dict() == {"a": of_a, "b": 20, "c": 20, "d": 20, "e": 20}
