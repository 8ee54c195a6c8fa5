"""The conformance table, for the terminal and for the documentation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from medcnn.io.conformance.check import Row

INTRODUCTION = """\
# DICOM conformance

What `medcnn.io.read_image` makes of each kind of DICOM file: stored values go through the modality
LUT, then the VOI LUT or window, then the presentation LUT shape or the MONOCHROME1 inversion, and end
in [0, 1] with air dark and bone bright (PS3.4 N.2.1). The table is written by

    medcnn check dicom output=docs/dicom.md

which reads one small file a case with the installed decoders; without `output=` it is printed, with
`output=FILE.json` it is data. Expected pixels are worked by hand from the section of the standard that
is named, or are the ramp that an independent encoder was given. *Passed* is "not installed" where the
decoder of a transfer syntax is missing: `pip install -e '.[dicom]'`.

An image FOR PROCESSING is shown as attenuation: minus the logarithm where values are proportional to
the dose, turned round where lower values mean less of it (Pixel Intensity Relationship and its Sign).
Where a frontal chest shows air bright under what its file declares, and both the mediastinum and the
air beside it say so, it is turned round with a warning: of 10,448 radiographs (chest_xray/train, and
PneumoniaMNIST, the same children at 28 pixels) none was turned wrongly, and 98.7% and 96.0% were once
they had been inverted. PNG, JPEG, TIFF and BMP files declare nothing and are never turned; they are
warned of.

`medcnn doctor PATH` says in plain words what is wrong with a file or a folder, and `medcnn doctor`
alone what is wrong with the installation. What it says of the pixels are plain rules: of the 5,216
images of chest_xray/train none was called inverted and 5,213 of 5,216 were once they had been; text
was found in two, where the time of exposure is burned in. Small, slanted or faint writing is not
found, so that its silence proves nothing.

Whatever a file holds, it ends as pixels or as one typed error. At most 100 megapixels, 512 MiB
(inflated or not), 300,000 data elements and fragments, and 100 scans of JPEG are read; memory stays
below 32 bytes a pixel of that limit, twice the file, and 256 MiB for at most 16,384 tiles of JPEG
2000 (one tile of
100 megapixels took 7 bytes a pixel in grey, 16 in colour). JPEG-LS is decoded in a process of its
own with 4 GiB and a limit on its CPU time, since its decoder can spin on a damaged frame. Of 10,000
mutated files (bit flips, cuts, false lengths and sizes, in every transfer syntax) none crashed, hung
or ended otherwise; the largest took 274 MiB. A few hundred run with every test, all with `pytest -m
long tests/io/test_hostile.py`.
"""


def render_table(rows: Sequence[Row]) -> str:
    """Return the rows of ``check_dicom`` as a plain-text table."""
    table = Table(title="DICOM conformance")
    for heading in ("case", "section", "expected", "result", "passed"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    with console.capture() as captured:
        console.print(table, markup=False)
    return captured.get()


def render_page(rows: Sequence[Row]) -> str:
    """Return the documentation page: the introduction and one Markdown table a part."""
    blocks = [INTRODUCTION]
    for part, members in groupby(rows, key=lambda row: row.part):
        lines = [f"## {part[0].upper()}{part[1:]}", ""]
        lines += ["| case | section | expected | result | passed |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(_cells(row)) + " |" for row in members]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _cells(row: Row) -> tuple[str, ...]:
    passed = {True: "yes", False: "NO", None: "not installed"}[row.passed]
    return row.case, row.section, row.expected, row.result, passed
