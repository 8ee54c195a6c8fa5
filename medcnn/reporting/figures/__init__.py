"""Figures as pure functions: data in, ``matplotlib.figure.Figure`` out."""
