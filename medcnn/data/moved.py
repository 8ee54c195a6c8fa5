"""Images that lie elsewhere than when a run was trained, found again by their relative paths."""

from __future__ import annotations

from collections.abc import Iterator
from os.path import commonpath
from pathlib import Path

from medcnn.data.manifest import Manifest
from medcnn.errors import DataError

MOST_NAMED = 3


def relocated(manifest: Manifest, root: Path, former: Path | None = None) -> Manifest:
    """Return the manifest with every path below ``root`` as it was below the folder of before.

    Args:
        manifest: As the run left it.
        root: The folder that holds the images now, or the one archive that does.
        former: What ``data.root`` was in training, where it is known.

    Raises:
        DataError: If an image is not there.
    """
    paths = [Path(name.partition("#")[0]) for name in manifest.table["path"]]
    marks = [name.partition("#")[2] for name in manifest.table["path"]]
    if root.is_file():
        found = [root] * len(paths)
    else:
        base = next((base for base in _bases(paths, former) if _leads(paths, base, root)), None)
        if base is None:
            raise DataError(
                f"The images of the run are not below {root}.",
                expected=f"data.root=FOLDER with {_relative(paths)} somewhere in it, as it was",
                found="no such file" if root.exists() else "no such folder",
                remedy="give the folder that took the place of the one that held them in training",
            )
        found = [root / path.relative_to(base) for path in paths]
    missing = sorted({str(path) for path in found if not path.is_file()})
    if missing:
        raise DataError(
            f"{len(missing)} of the run's {len(found)} images are not below {root}.",
            expected="every image of the manifest, under the relative path that it had",
            found=", ".join(missing[:MOST_NAMED]) + (" …" if len(missing) > MOST_NAMED else ""),
            remedy="copy the rest, or give another data.root",
        )
    names = [
        f"{path}#{mark}" if mark else str(path) for path, mark in zip(found, marks, strict=True)
    ]
    return manifest.with_table(manifest.table.assign(path=names))


def _bases(paths: list[Path], former: Path | None) -> Iterator[Path]:
    """Yield the folders that may have been moved: that of training first, then from the deepest up."""
    if former is not None and all(path.is_relative_to(former) for path in paths[:1]):
        yield former
    common = Path(commonpath([str(path.parent) for path in paths]))
    yield from (common, *common.parents)


def _leads(paths: list[Path], base: Path, root: Path) -> bool:
    first = paths[0]
    return first.is_relative_to(base) and (root / first.relative_to(base)).is_file()


def _relative(paths: list[Path]) -> str:
    return str(Path(*paths[0].parts[-2:]))
