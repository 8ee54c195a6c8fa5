"""Splits by patient: official, given, or made."""
