"""What the reader noticed of each image, and what its pixels say, counted over the data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.cache.images import ImageCache
from medcnn.io.notes import KINDS, count_kinds
from medcnn.io.words import FRONTAL, view_name
from medcnn.notices import Notice

BY_CHANCE = ("inverted", "mask")


def noticed(table: pd.DataFrame, cache: ImageCache, rows: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return how many images have a note of each kind, whatever the source of the data.

    Args:
        table: The manifest's rows; their ``view`` counts as the header's does.
        cache: The images.
        rows: Their rows of the cache.
    """
    kept = cache.facts_of(rows, ("notes",))["notes"]
    of_view = {view: set(_kind_of(view)) for view in table["view"].unique()}
    found = []
    for notes, view in zip(kept, table["view"], strict=True):
        kinds = {str(kind) for kind, _ in notes or ()} | of_view[view]
        if of_view[view]:
            kinds.discard("inverted")  # it is judged of frontal views, and the table knows better
        found.append([(kind, "") for kind in kinds])
    return count_kinds(found)


def told(counts: Mapping[str, int], of: int) -> list[Notice]:
    """Return a sentence for each kind, such as "12 of 72 images: a lateral view.".

    Blank images are a finding of their own. A single image that seems inverted, or a mask, is counted
    and not told: in a set without chests one in some hundreds does by chance.
    """
    return [
        Notice(
            f"reader_{kind}",
            n=n,
            of=of,
            sentence=KINDS[kind].sentence,
            remedy=KINDS[kind].remedy,
        )
        for kind, n in counts.items()
        if kind != "blank" and (n > 1 or kind not in BY_CHANCE)
    ]


def _kind_of(view: str) -> Iterator[str]:
    name = view_name(view)
    if name == "LATERAL":
        yield "lateral_view"
    elif name not in (*FRONTAL, ""):
        yield "other_view"
