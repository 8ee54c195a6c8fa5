"""The exported network at work, with numpy, pydicom and onnxruntime: no torch, no medcnn.

    python predict_onnx.py                       reproduces golden/ and says so
    python predict_onnx.py FILE_OR_FOLDER        prints one row a DICOM file, as CSV

Exit codes: 0 done; 1 golden/ was not reproduced; 2 a fault in what was given.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from foreign_images import Foreign
from pydicom.errors import InvalidDicomError
from read_dicom import Picture, RefusedError, read

HERE = Path(__file__).resolve().parent
LOGIT_TOLERANCE = 1e-4
COLUMNS = ("image_id", "decision", "p_abnormal", "logit", "unlike_training", "reasons", "error")
UNREADABLE = (
    *(InvalidDicomError, OSError, EOFError, zlib.error),
    *(ValueError, TypeError, AttributeError, RuntimeError, LookupError),
)

Row = dict[str, Any]


class Model:
    """The graph with its threshold and its detector of foreign images.

    Args:
        folder: The export.
    """

    def __init__(self, folder: Path = HERE) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.side = int(config["network"]["image_size"])
        self.threshold = float(config["threshold"]["value"])
        file = config["detector"] and folder / config["detector"]["file"]
        self.foreign = Foreign.load(file) if file else None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._names = [each.name for each in self._session.get_outputs()]

    def outputs(self, pixels_NSS: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[Any]]:
        """Return what the graph makes of grey levels, by name."""
        found = self._session.run(self._names, {"image": pixels_NSS[:, None]})
        return dict(zip(self._names, found, strict=True))

    def answers(self, pictures: Sequence[Picture]) -> list[Row]:
        """Return the row of each picture."""
        found = self.outputs(np.stack([picture.pixels for picture in pictures]))
        rows = []
        for number, picture in enumerate(pictures):
            p = float(found["p_abnormal"][number])
            row = {
                "decision": "abnormal" if p >= self.threshold else "normal",
                "p_abnormal": p,
                "logit": float(found["logit"][number]),
            }
            if self.foreign is not None:
                one = {name: values[number] for name, values in found.items()}
                reasons = self.foreign.reasons(picture, one)
                row |= {"unlike_training": int(bool(reasons)), "reasons": "; ".join(reasons)}
            rows.append(row)
        return rows

    def row(self, path: Path) -> Row:
        """Return the row of one file, or why it has none."""
        try:
            return self.answers([read(path, self.side)])[0]
        except RefusedError as error:
            return {"error": f"outside of the contract of reading: {error}; medcnn may read it"}
        except UNREADABLE as error:
            return {"error": f"cannot be read: {type(error).__name__}"}


def reproduce(model: Model, folder: Path) -> list[str]:
    """Return what of ``golden/`` came out otherwise than expected, and print each file."""
    wrong, largest = [], 0.0
    expected = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["files"]
    for each in expected:
        picture = read(folder / each["file"], model.side)
        (row,) = model.answers([picture])
        pixels = np.load(folder / each["pixels"], allow_pickle=False)
        apart = abs(row["logit"] - each["logit"])
        largest = max(largest, apart)
        faults = [
            *(["pixels"] if not np.array_equal(picture.pixels, pixels) else []),
            *(["logit"] if not apart <= LOGIT_TOLERANCE else []),
            *(
                name
                for name in ("decision", "unlike_training")
                if name in each and row[name] != each[name]
            ),
        ]
        shown = ", ".join(faults) + " differ" if faults else "reproduced"
        print(f"{each['file']:24} {each['what']:56} logit {row['logit']:+.5f}  {shown}")
        wrong += [f"{each['file']}: {', '.join(faults)}"] if faults else []
    same = len(expected) - len(wrong)
    print(
        f"{same} of {len(expected)} golden files reproduced with onnxruntime "
        f"{onnxruntime.__version__}: the same pixels and decisions, logits at most {largest:.1e} apart"
    )
    return wrong


def damaged(folder: Path) -> Iterator[str]:
    """Yield the files that are not those of ``SHA256SUMS``."""
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        file = folder / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            yield name


def main(arguments: Sequence[str]) -> int:
    """Reproduce ``golden/``, or print the rows of what is given."""
    if len(arguments) > 1 or any(each.startswith("-") for each in arguments):
        print(__doc__)
        return 0 if {*arguments} & {"-h", "--help"} else 2
    if (HERE / "SHA256SUMS").is_file() and (changed := list(damaged(HERE))):
        print(f"this export was damaged or changed: {', '.join(changed)}", file=sys.stderr)
        return 2
    model = Model()
    if not arguments:
        return 1 if reproduce(model, HERE / "golden") else 0
    root = Path(arguments[0])
    if not root.exists():
        print(f"there is no {root}", file=sys.stderr)
        return 2
    files = (
        [path for path in sorted(root.rglob("*")) if path.is_file()] if root.is_dir() else [root]
    )
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    for path in files:
        writer.writerow(
            {
                "image_id": str(path.relative_to(root) if root.is_dir() else path.name),
                **model.row(path),
            }
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
