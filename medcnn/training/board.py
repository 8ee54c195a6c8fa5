"""A board where processes leave words for one another, and wait for them: a store of torch's."""

from __future__ import annotations

import pickle
import time
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from torch._C._distributed_c10d import Store
from torch.distributed import DistStoreError

LOOK = timedelta(minutes=1)
"""How long one waits for the store to say something before one asks again whether that is there."""
CHUNK = 4 * 2**20
"""Bytes of a value of the store, which takes less than 8 MiB."""


class Board:
    """Values by key, pickled and compressed, of whatever size.

    Those who can write to it can have any code done by those who read, as with torch's own objects.

    Args:
        store: Where they lie.
    """

    def __init__(self, store: Store) -> None:
        self._store: Any = store  # whose stubs know of no bytes

    def put(self, key: str, value: object) -> None:
        """Leave a value."""
        content = zlib.compress(pickle.dumps(value), 1)
        parts = range(0, len(content), CHUNK)
        for number, start in enumerate(parts):
            self._store.set(f"{key}/{number}", content[start : start + CHUNK])
        self._store.set(key, str(len(parts)))

    def get(self, key: str) -> Any:
        """Wait for a value, for as long as it takes, and return it."""
        self.has([key])
        parts = [self._store.get(f"{key}/{number}") for number in range(int(self._store.get(key)))]
        return pickle.loads(zlib.decompress(b"".join(parts)))  # noqa: S301  see the class

    def forget(self, key: str) -> None:
        """Free the memory of a value that all have read."""
        for number in range(int(self._store.get(key))):
            self._store.delete_key(f"{key}/{number}")

    def has(self, keys: Sequence[str], patience: timedelta | None = None) -> bool:
        """Wait until all keys are there, and return whether they were within some time.

        Raises:
            DistNetworkError: If the store is gone.
        """
        end = None if patience is None else time.monotonic() + patience.total_seconds()
        while True:
            left = LOOK if end is None else min(LOOK, timedelta(seconds=end - time.monotonic()))
            try:
                self._store.wait(list(keys), max(left, timedelta(milliseconds=1)))
            except DistStoreError:
                if end is not None and time.monotonic() >= end:
                    return False
            else:
                return True

    def read(self, keys: Sequence[str], patience: timedelta) -> list[Any]:
        """Wait for some time, and return the value of each key; None where there is none."""
        self.has(keys, patience)
        return [self.get(key) if self._store.check([key]) else None for key in keys]
