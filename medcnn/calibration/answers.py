"""From the logits of members, views and passes to one answer a case.

One member seen once has nothing to combine: its answer is its logit, which keeps all its digits where
it is not made a probability and back.

Legend: M members, V views, S stochastic passes, N cases, K = M·V·S answers a case.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.combination import CLIP, Combination, fit_combination, fit_merge
from medcnn.calibration.fit import fit_calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.calibration.passes import Passes
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.thresholds import choose_threshold
from medcnn.metrics.uncertainty import binary_entropy

Array = npt.NDArray[np.float64]


def fit_judgement(
    passes: Passes,
    logit_MVSN: Array,
    label_N: npt.ArrayLike,
    *,
    calibration: str,
    rule: str | float,
    alone: Sequence[Judgement] = (),
) -> Judgement:
    """Fit what combines the members, calibrates the result and decides, on validation.

    Args:
        passes: With the vote of members and the merge of views.
        logit_MVSN: Validation logits.
        label_N: 0 normal, 1 abnormal.
        calibration: Name of the calibrator.
        rule: Of the threshold.
        alone: What each member has been judged alone; one that is seen once needs none.
    """
    label = np.asarray(label_N, dtype=np.int64)
    combination = Combination()
    merges: tuple[Combination | None, ...] = (Combination(),) * len(logit_MVSN)
    if is_single(logit_MVSN):
        combined = logit_MVSN[0, 0, 0]
    else:
        p_MVSN = probabilities(logit_MVSN, [each.calibrator for each in alone])
        merges = tuple(fit_merge(passes.merge, p_VSN.mean(1), label) for p_VSN in p_MVSN)
        p_MN = _merged(p_MVSN, merges)
        thresholds = [each.threshold.value for each in alone]
        combination = fit_combination(passes.vote, p_MN, label, thresholds=thresholds)
        combined = log_odds(combination(p_MN), CLIP)
    calibrator = fit_calibrator(calibration, combined, label)
    threshold = choose_threshold(label, calibrator.probability(combined), rule)
    return Judgement(passes, combination, merges, calibrator, threshold)


def combine(logit_MVSN: Array, own: Sequence[Calibrator], judgement: Judgement) -> pd.DataFrame:
    """Return the columns of the Predictions table that a set of logits gives.

    ``entropy`` is that of the mean over members, views and passes, ``expected_entropy`` the mean of
    theirs, and ``mutual_information`` the difference (Depeweg et al., ICML 2018): what members,
    views and passes disagree about. Entropies in nats.

    Args:
        logit_MVSN: The networks' own.
        own: Each member's own calibrator.
        judgement: Of the whole.

    Raises:
        ValueError: If the judgement is of another number of members.
    """
    if len(judgement.merges) != len(logit_MVSN):
        raise ValueError(f"a judgement of {len(judgement.merges)} members for {len(logit_MVSN)}")
    if is_single(logit_MVSN):
        logit_N = logit_MVSN[0, 0, 0]
        p_N = judgement.calibrator.probability(logit_N)
        return pd.DataFrame({"logit": logit_N, "p_abnormal": p_N, **decompose(p_N[None])})
    p_MVSN = probabilities(logit_MVSN, own)
    p_MN = _merged(p_MVSN, judgement.merges)
    combined = log_odds(judgement.combination(p_MN), CLIP)
    columns = {
        "logit": combined,
        "p_abnormal": judgement.calibrator.probability(combined),
        **decompose(p_MVSN.reshape(-1, p_MVSN.shape[-1])),
    }
    if p_MVSN.shape[1] > 1:
        columns["tta_std"] = p_MVSN.mean((0, 2)).std(0)
    if len(p_MN) > 1:
        columns |= {f"member_{number}": row for number, row in enumerate(p_MN)}
    return pd.DataFrame(columns)


def probabilities(logit_MVSN: Array, own: Sequence[Calibrator]) -> Array:
    """Return each member's own calibrated probability for every view and pass, M×V×S×N."""
    return np.stack([each.probability(logit) for each, logit in zip(own, logit_MVSN, strict=True)])


def is_single(logit_MVSN: Array) -> bool:
    """Return whether this is one answer a case."""
    return logit_MVSN.shape[:-1] == (1, 1, 1)


def decompose(p_KN: Array) -> dict[str, Array]:
    """Return the uncertainty of K probabilities of each case.

    >>> found = decompose(np.array([[0.0], [1.0]]))
    >>> [float(found[name][0]) for name in ("expected_entropy", "std", "variation_ratio")]
    [0.0, 0.5, 0.5]
    >>> float(found["mutual_information"][0]).hex() == float(np.log(2)).hex()
    True
    """
    mean_N = p_KN.mean(0)
    entropy, expected = binary_entropy(mean_N), binary_entropy(p_KN).mean(0)
    found = {"entropy": entropy}
    if len(p_KN) == 1:
        return found
    called = (p_KN >= 0.5).mean(0)
    return found | {
        "expected_entropy": expected,
        "mutual_information": np.clip(entropy - expected, 0.0, None),
        "std": p_KN.std(0),
        "variation_ratio": 1 - np.maximum(called, 1 - called),
    }


def _merged(p_MVSN: Array, merges: Sequence[Combination | None]) -> Array:
    return np.stack(
        [
            p_VSN.mean(1).max(0) if merge is None else merge(p_VSN.mean(1))
            for p_VSN, merge in zip(p_MVSN, merges, strict=True)
        ]
    )
