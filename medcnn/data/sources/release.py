"""A published release on disk: its tables, its images, and the manifest that both make."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import pandas as pd

from medcnn.data.left_out import left_out_notice
from medcnn.data.manifest import Manifest
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.findings import labelled
from medcnn.data.sources.layout import ImageIndex, listing, release_folder
from medcnn.data.sources.metadata import chosen_views
from medcnn.errors import DataError, nearest
from medcnn.files.tables import read_csv
from medcnn.io.choice import counted
from medcnn.notices import Notice


class Release:
    """The folder of a release that lists its images in tables.

    Args:
        name: Of the source.
        root: What the user gave as ``data.root``.
        expected: What such a folder holds, for the messages.
        parts: How many components of its path name an image.

    Attributes:
        folder: The folder, as ``release_folder`` finds it.

    Raises:
        DataError: If there is no such folder, or it is empty.
    """

    def __init__(self, name: str, root: str | Path, expected: str, *, parts: int = 1) -> None:
        self.name, self.parts = name, parts
        self.folder = release_folder(root, name, expected)

    @cached_property
    def images(self) -> ImageIndex:
        """The images below the folder, by the names that tables give them."""
        return ImageIndex(self.folder, self.parts)

    def file(self, *names: str) -> Path:
        """Return the first of ``names`` that is a file in the folder; a name may be a glob pattern.

        Raises:
            DataError: If none of them is there.
        """
        for name in names:
            found = sorted(path for path in self.folder.glob(name) if path.is_file())
            if found:
                return found[0]
        here = [path.name for path in self.folder.iterdir()]
        guess = nearest(names[0], here)
        raise DataError(
            f"{self.name} lacks a table: there is no {names[0]} in {self.folder}.",
            expected=" or ".join(names),
            found=f"{guess!r} is the nearest name" if guess else listing(here),
            remedy=f"download the table from the home page of {self.name} into that folder",
        )

    def table(self, path: Path, *columns: str) -> pd.DataFrame:
        """Return a CSV table of the release with every column as text, empty cells as empty text.

        Spaces around the names of columns are taken off, and a compressed file (``.gz``, ``.zip``) is
        read as it is.

        Raises:
            DataError: If it is no CSV file or one of ``columns`` is missing.
        """
        table = read_csv(path, text=None, blank=True, remedy="download it again")
        table.columns = table.columns.str.strip()
        missing = [name for name in columns if name not in table.columns]
        if missing:
            guess = nearest(missing[0], table.columns)
            raise DataError(
                f"{path} lacks the column {missing[0]!r}.",
                expected=", ".join(columns),
                found=", ".join(map(str, table.columns))
                + (f" ({guess!r} is the nearest name)" if guess else ""),
                remedy=f"give the table as {self.name} publishes it",
            )
        return table

    def present(self, table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Return the rows whose ``path`` is not missing, and a warning that counts the others.

        Raises:
            DataError: If no row has an image.
        """
        here, images = table["path"].notna(), self.images
        if not here.any():
            raise DataError(
                f"None of the {len(table)} images in the tables of {self.name} is below {self.folder}.",
                expected=f"image files such as {table['image_id'].iloc[0]}"
                if len(table)
                else "images",
                found=self._found_instead(),
                remedy="unpack the archives of images into that folder",
            )
        others = len(images.paths) - len(images.named)
        # Tables and texts belong to a release; another type of image, or an archive, may be missed.
        odd = {
            reason: n
            for reason, n in images.left_out.items()
            if reason.endswith(("mask", "image", "unpacked"))
        }
        told = left_out_notice(self.name, odd, len(images.paths))
        absent = int((~here).sum())
        if absent:
            images.left_out["listed, but not on disk"] += absent
            told.append(Notice("absent", source=self.name, count=absent, of=len(table)))
        if others:
            images.left_out["not in the tables"] += others
        return table[here].reset_index(drop=True), tuple(told)

    def _found_instead(self) -> str:
        paths, reasons = self.images.paths, self.images.left_out
        left_out = f"; left out: {counted(reasons)}" if reasons else ""
        if paths:
            return f"{len(paths)} images with other names, such as {next(iter(paths))}{left_out}"
        return listing([path.name for path in self.folder.iterdir()]) + left_out

    def manifest(
        self,
        rows: pd.DataFrame,
        rule: str,
        *,
        citation: str,
        views: str = "all",
        closed: bool = True,
        identity: bool = True,
        warnings: Iterable[str] = (),
    ) -> Manifest:
        """Return the manifest of the listed images that are there and have a label.

        Args:
            rows: With ``image_id, path, finding``, and ``view`` where views are chosen.
            rule: How findings become labels, in one sentence.
            citation: The publication to cite.
            views: ``frontal`` or ``all``.
            closed: Whether the vocabulary of findings is closed.
            identity: Whether the patients and studies of DICOM headers are true ones.
            warnings: What the source has to say already.

        Raises:
            ConfigError: If ``views`` is neither.
            DataError: If no image is there, or the rows make no manifest.
        """
        left_out = self.images.left_out
        rows, others = chosen_views(rows, self.name, views, left_out)
        rows, absent = self.present(rows)
        found = labelled(rows, self.name, rule, closed=closed, left_out=left_out)
        return complete_manifest(
            found.table,
            source=self.name,
            label_policy=found.policy,
            citation=citation,
            left_out=left_out,
            identity=identity,
            warnings=[*warnings, *others, *absent, *found.warnings],
        )
