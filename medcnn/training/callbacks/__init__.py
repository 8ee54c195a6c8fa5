"""Callbacks: learning curves, averages of the weights, snapshots, batch statistics."""
