"""The images of a table as they lie in the cache: mapped into memory, checked when first taken."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.cache.key import Profile
from medcnn.data.cache.read import KEPT_FACTS
from medcnn.data.cache.store import Index, Pixels, checksum, read_facts
from medcnn.errors import DataError
from medcnn.files.arrays import ARCHIVE_ERRORS

Unreadable = dict[str, str]
"""``image_id``, ``path``, ``kind`` and ``problem`` of a file that did not end as pixels."""


class ImageCache:
    """Images of a table, mapped into memory; picklable at the cost of its row numbers.

    Attributes:
        folder: Where the segments lie.
        profile: Size, dtype and reader of the images.
        unreadable: The files that did not end as pixels.
    """

    def __init__(
        self,
        folder: Path,
        profile: Profile,
        index: Index,
        where: npt.NDArray[np.int64],
        identifiers: npt.NDArray[np.object_],
        unreadable: Sequence[Unreadable] = (),
    ) -> None:
        self.folder, self.profile, self.unreadable = folder, profile, list(unreadable)
        self._segments = index.segments
        self._identifiers = identifiers
        found = where >= 0
        safe = np.where(found, where, 0)
        none = np.full(len(where), -1, np.int32)
        has_any = len(index.keys) > 0
        self._segment = np.where(found, index.segment[safe], -1) if has_any else none
        self._slot = index.slot[safe] if has_any else none
        self._checksum = index.checksum[safe] if has_any else none
        self._verified = np.zeros(len(where), bool)
        self._maps: dict[int, Pixels] = {}
        self._positions: pd.Index[Any] | None = None
        self._keys = np.where(found, index.keys[safe], b"") if has_any else none
        self.digest = self.digest_of(np.arange(len(where)))

    def __len__(self) -> int:
        return len(self._segment)

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled as its pixels; a worker opens the files again.
        return {**self.__dict__, "_maps": {}, "_positions": None}

    def digest_of(self, rows: npt.ArrayLike) -> str:
        """Return 32 hexadecimal digits that name the pixels of some rows, in their order."""
        keys = self._keys[np.asarray(rows, np.int64)]
        name = self.profile.name.encode()
        return hashlib.blake2b(name + keys.tobytes(), digest_size=16).hexdigest()

    @property
    def keys(self) -> npt.NDArray[np.bytes_]:
        """The content key of every row's file, of 16 bytes; empty where it was not read."""
        return np.asarray(self._keys)

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """Which rows have pixels, N."""
        return self._segment >= 0

    def rows_of(self, image_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each image.

        Raises:
            DataError: If an identifier is not in the table.
        """
        if self._positions is None:
            self._positions = pd.Index(self._identifiers)
        rows = self._positions.get_indexer(pd.Index(image_ids, dtype=object))
        if (rows < 0).any():
            missing = image_ids[int(np.flatnonzero(rows < 0)[0])]
            raise DataError(
                f"The image {missing!r} is not in the cache.",
                expected="image_ids of the table that the cache was built for",
                remedy="build the cache again with the whole manifest",
            )
        return rows.astype(np.int64)

    def take(self, rows: npt.ArrayLike) -> Pixels:
        """Return the images of ``rows``, N×S×S; each is checked when this process first takes it.

        Raises:
            DataError: If a row has no pixels, or if the pixels on disk are damaged.
        """
        rows = np.asarray(rows, np.int64)
        size = self.profile.size
        images = np.empty((len(rows), size, size), self.profile.dtype)
        for image, row in zip(images, rows.tolist(), strict=True):
            segment = int(self._segment[row])
            if segment < 0:
                raise self._no_pixels(row)
            image[...] = self._map(segment)[self._slot[row]]
            if not self._verified[row]:
                self._verify(image, row)
        return images

    @property
    def facts(self) -> pd.DataFrame:
        """The kept facts of every row (kind, bits, view, notes, …); missing where unreadable."""
        table = self.facts_of(np.arange(len(self)), KEPT_FACTS)
        return table.assign(image_id=self._identifiers)

    def facts_of(self, rows: npt.ArrayLike, names: Sequence[str]) -> pd.DataFrame:
        """Return some facts of some rows; each distinct value is held once."""
        rows = np.asarray(rows, np.int64)
        columns = {name: np.full(len(rows), None, object) for name in names}
        held: dict[str, Any] = {}
        segment, slot = self._segment[rows], self._slot[rows]
        order = np.argsort(segment, kind="stable")
        starts = np.flatnonzero(np.diff(segment[order], prepend=-1))
        for places in np.split(order, starts):
            if not len(places) or segment[places[0]] < 0:
                continue
            records = self._facts_in(self._segments[segment[places[0]]])
            for place in places.tolist():
                record = records[slot[place]]
                for name, column in columns.items():
                    value = record.get(name)
                    column[place] = held.setdefault(repr(value), value)
        return pd.DataFrame(columns)

    def _map(self, segment: int) -> Pixels:
        if segment not in self._maps:
            file = self.folder / f"{self._segments[segment]}.npy"
            self._maps[segment] = np.load(file, mmap_mode="r")
        return self._maps[segment]

    def _facts_in(self, segment: str) -> list[dict[str, Any]]:
        try:
            return read_facts(self.folder, segment)
        except ARCHIVE_ERRORS as error:
            raise self._damaged(
                segment, "The facts of cached images are", "facts", type(error).__name__
            ) from error

    def _verify(self, image: Pixels, row: int) -> None:
        expected, found = int(self._checksum[row]), checksum(image)
        if found != expected:
            segment = self._segments[int(self._segment[row])]
            what = f"The cached image {self._identifiers[row]!r} is"
            raise self._damaged(segment, what, f"CRC-32 {expected:08x}", f"{found:08x}")
        self._verified[row] = True

    def _damaged(self, segment: str, what: str, expected: str, found: str) -> DataError:
        """Drop a segment, so that it is built again, and return the error that says so."""
        (self.folder / f"{segment}.npz").unlink(missing_ok=True)
        return DataError(
            f"{what} damaged on disk.",
            expected=f"{expected} in segment {self.folder / segment}",
            found=found,
            remedy="run the command again: the damaged part was dropped and will be rebuilt",
        )

    def _no_pixels(self, row: int) -> DataError:
        return DataError(
            f"The image {self._identifiers[row]!r} has no pixels.",
            expected="rows whose file could be read",
            remedy="drop the rows that the cache lists as unreadable",
        )
