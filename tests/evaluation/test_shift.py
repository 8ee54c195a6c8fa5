import json

import numpy as np
import pandas as pd
import pytest

from medcnn.evaluation.operating_effect import Asked
from medcnn.evaluation.shift import Population, ShiftResults, find_shift
from medcnn.metrics.estimate import Estimate

AXES = 6
ASKED = Asked(0.5, permutations=99)


def population(seed, n, *, prevalence=0.4, moved=0.0, images=1):
    """Return patients whose features and score depend on their label, and on where they are."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int).repeat(images)
    features = rng.normal(size=(n * images, AXES))
    features[:, 0] += 2.5 * label - 1.2 + moved
    features[:, 1] += moved
    logit = features[:, 0]
    table = pd.DataFrame(
        {
            "patient_id": [f"{seed}-{row}" for row in np.arange(n).repeat(images)],
            "label": label,
            "p_abnormal": 1 / (1 + np.exp(-logit)),
        }
    )
    return Population(table, logit, features)


def test_home_again_is_the_same():
    found = find_shift(population(1, 200), population(2, 150), ASKED).results
    assert found.verdict == "same" and not found.warned
    assert found.sentences[0].startswith("No difference from home was found in 150 patients")
    assert found.effect.basis == "unchanged"
    low, high = found.tests.auroc.ci
    assert low < 0.5 < high


def test_another_prevalence_is_told_from_another_population():
    home = population(1, 400)
    fewer = find_shift(home, population(3, 300, prevalence=0.1), ASKED).results
    assert fewer.verdict == "prevalence" and fewer.warned
    assert fewer.prevalence.value == pytest.approx(0.1, abs=0.08)
    assert fewer.matched is not None and not fewer.matched.differ
    assert fewer.effect.specificity[0] < 0.9
    other = find_shift(home, population(4, 150, moved=1.5), ASKED).results
    assert other.verdict == "shifted"
    assert "another population" in other.sentences[0]


def test_few_patients_say_nothing_however_many_images_they_have():
    found = find_shift(population(1, 200), population(5, 12, images=4, moved=3), ASKED)
    assert found.results.verdict == "unknown"
    assert found.results.tests is None and not len(found.here)
    assert "12 patients here and 200 at home, and each side needs 20" in found.results.sentences[0]


def test_the_record_comes_back_from_its_file():
    flagged = Estimate(0.2, (0.1, 0.3), "wilson")
    found = find_shift(
        population(1, 100), population(6, 60), ASKED, flagged=flagged, expected=0.01, of=900
    ).results
    again = ShiftResults.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert again.sentences[0].key == found.sentences[0].key
    assert (found.of, found.images) == (900, 60)


@pytest.mark.parametrize("seed", range(3))
def test_the_label_of_what_is_here_is_not_looked_at(seed):
    here = population(7, 80)
    hidden = Population(here.table.drop(columns="label"), here.logit, here.features)
    home = population(1, 100)
    ours, theirs = (find_shift(home, each, ASKED).results for each in (here, hidden))
    assert ours == theirs
