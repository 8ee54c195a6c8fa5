"""Streams that give up after a stated number of reads.

A parser of DICOM reads at least once for each data element and fragment, so that a few kilobytes of
a deflated file can hold it for hours with hundreds of millions of empty elements. Counting reads bounds
the time whatever the file says about itself.
"""

from __future__ import annotations

import io

MAX_READS = 300_000
"""So many reads last one to three seconds; a chest X-ray needs some hundreds."""


class TooManyReads(ValueError):  # noqa: N818  it names the condition, as StopIteration does
    """A file has more elements or fragments than are read."""


class _Bounded(io.BufferedIOBase):
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            TooManyReads: If there were ``MAX_READS`` reads before.
        """
        if self.reads >= MAX_READS:
            raise TooManyReads(f"more than {MAX_READS:,} data elements or fragments")
        self.reads += 1
        return super().read(size)


class BoundedFile(_Bounded, io.BufferedReader):
    """A file that can be read ``MAX_READS`` times."""


class BoundedBytes(_Bounded, io.BytesIO):
    """Bytes in memory that can be read ``MAX_READS`` times."""
