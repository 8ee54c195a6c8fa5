"""The notebooks run, and show what they give: the text that is saved in them is that of a new run."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda p: p.stem)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]\d+)?")
OF_THE_MACHINE = re.compile(
    r"^(epoch|training on|threads|Decoding|making|transfer|member).*$", re.MULTILINE
)
FAR = 0.1
"""By how much numbers of another processor may differ: sums in another order, over several steps."""


def shown(notebook):
    """Return the text below each cell: what was printed, and the tables."""
    found = []
    for cell in notebook.cells:
        outputs = cell.outputs if cell.cell_type == "code" else []
        texts = [each.text for each in outputs if each.output_type == "stream"]
        texts += [
            each.data["text/html"] for each in outputs if "text/html" in (each.get("data") or {})
        ]
        found.append(" ".join(OF_THE_MACHINE.sub("", "".join(texts)).split()))
    return found


def trains(cell):
    return "medcnn.train(" in cell.source


def headlines(notebook):
    """Return what is shown below all cells but those that train, whose words follow the numbers."""
    texts = zip(notebook.cells, shown(notebook), strict=True)
    return [text for cell, text in texts if not trains(cell) and "report()" not in cell.source]


def untrained(notebook):
    """Return what is shown before anything is trained, which is the same on any processor."""
    first = next((n for n, cell in enumerate(notebook.cells) if trains(cell)), len(notebook.cells))
    return shown(notebook)[:first]


@NOTEBOOKS
def test_the_notebook_runs_and_gives_what_it_shows(path):
    saved = nbformat.read(path, as_version=4)
    anew = nbformat.read(path, as_version=4)
    NotebookClient(anew, timeout=600, kernel_name="python3").execute()
    assert len(shown(saved)) == len(shown(anew))
    for before, after in zip(headlines(saved), headlines(anew), strict=True):
        assert NUMBER.sub("#", before) == NUMBER.sub("#", after)
    for pair in zip(untrained(saved), untrained(anew), strict=True):
        numbers = [[float(each) for each in NUMBER.findall(text)] for text in pair]
        assert numbers[0] == pytest.approx(numbers[1], abs=FAR, rel=FAR)


@NOTEBOOKS
def test_what_it_shows_is_that_of_a_whole_run_anywhere(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = "".join(str(cell.outputs) for cell in cells)
    assert not re.search(r"Traceback|ipywidgets|\x1b\[|/(tmp|home|root|Users|work)/", outputs)


def test_the_text_of_a_table_is_compared_and_a_machines_lines_are_not():
    cell = nbformat.v4.new_code_cell("x")
    cell.outputs = [
        nbformat.v4.new_output("stream", text="epoch 1/2 loss 0.3 2 s\nfound 0.25\n"),
        nbformat.v4.new_output("display_data", data={"text/html": "<td>7</td>"}),
    ]
    assert shown(nbformat.v4.new_notebook(cells=[cell])) == ["found 0.25 <td>7</td>"]
