"""Inference: trained runs in, Predictions out."""
