"""What ``data.exclude`` leaves out of a source that lists its images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from medcnn.data.manifest import Manifest, build_manifest
from medcnn.io.choice import EXCLUDED, excludes
from medcnn.notices import Notice


def without_excluded(
    manifest: Manifest, exclude: Sequence[str], root: str | Path | None
) -> Manifest:
    """Return the manifest without the images that a pattern matches, counted by ``left_out``.

    Args:
        manifest: The images.
        exclude: Patterns of paths below ``root``, or of names of files or folders.
        root: The folder or table of the source.

    Raises:
        DataError: If nothing is left of a class.
    """
    place = Path(root).expanduser().resolve() if root else Path("/")
    folder = place if place.is_dir() else place.parent
    table = manifest.table
    gone = [excludes(exclude, _below(folder, path)) for path in table["path"]]
    n = sum(gone)
    text = Notice("excluded", source=manifest.source, count=n, of=len(table))
    return build_manifest(
        table[[not each for each in gone]],
        source=manifest.source,
        label_policy=manifest.label_policy,
        citation=manifest.citation,
        warnings=[*(told for told in manifest.warnings if told not in manifest.doubts), text],
        left_out=Counter(manifest.left_out) + Counter({EXCLUDED: n}),
        doubts=manifest.doubts,
    )


def _below(folder: Path, path: str) -> str:
    return Path(path).relative_to(folder).as_posix() if Path(path).is_relative_to(folder) else path
