import os
from pathlib import Path

from medcnn.inference.engine import name_of, one_line


def test_a_file_is_called_by_its_place_in_the_folder():
    root = Path("/films")
    assert name_of(root / "a" / "b.png", root) == "a/b.png"
    assert name_of(root, root) == "films"


def test_a_text_fits_into_a_cell_of_any_table():
    assert one_line("first\n\n  second\0third ") == "first; second third"
    assert one_line(os.fsdecode(b"caf\xe9.png")) == "caf\\udce9.png"
