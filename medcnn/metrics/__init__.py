"""Estimates, intervals, thresholds and tests: numpy in, floats out, no torch.

Everywhere in this package ``label`` is N integers, 0 normal or 1 abnormal, and ``p`` is N
probabilities of abnormal within [0, 1]; a case is called abnormal when ``p >= threshold``.
"""
