"""A run: its directory, its lock, its journal and its configuration, as later commands read them."""
