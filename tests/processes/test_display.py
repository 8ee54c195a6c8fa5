"""The bars and lines of tasks side by side, on a terminal that is recorded."""

import io

from rich.console import Console

from medcnn import console
from medcnn.processes import display as module
from medcnn.processes.display import Display
from medcnn.processes.voice import Line, Progress


def test_each_task_has_a_bar_and_its_lines_stand_behind_its_name(monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, highlight=False, width=80)
    monkeypatch.setattr(module, "CONSOLE", terminal)
    monkeypatch.setattr(console, "CONSOLE", terminal)
    with Display(["member 1", "member 10"]) as display:
        display.progress(Progress("member 10", 3, 12, "epoch 1/4"))
        (_, row) = display._bars.tasks
        assert (row.description, row.completed, row.total) == ("member 10  epoch 1/4", 3, 12)
        display.line(Line("member 1", "epoch 1/4   loss 0.5"))
        display.end("member 1", "failed")
        display.end("member 10")
    shown = terminal.file.getvalue()
    assert "member 1   epoch 1/4   loss 0.5" in shown
    assert "member 1  failed" in shown and "member 10  done" in shown
