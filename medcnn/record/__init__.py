"""The record of a run: what it left, as later commands and notebooks read it, typed and checked."""
