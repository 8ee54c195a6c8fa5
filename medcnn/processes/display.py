"""The one display of tasks side by side: a bar each on a terminal, and all their lines by name."""

from __future__ import annotations

from types import TracebackType

from rich.progress import TaskID

from medcnn.console import CONSOLE, ERRORS, progress_bars, say
from medcnn.processes.voice import Line, Progress


class Display:
    """Shows what tasks say; safe to be told by several threads.

    Args:
        names: Of the tasks, in order.
    """

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names), default=0)
        self._bars = progress_bars(CONSOLE, shown=CONSOLE.is_terminal)
        self._rows: dict[str, TaskID] = {
            name: self._bars.add_task(name, total=None) for name in names
        }

    def __enter__(self) -> Display:
        """Draw the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take them away."""
        self._bars.stop()

    def line(self, line: Line) -> None:
        """Print a line behind the name of its task."""
        text = f"{line.name:{self._width}}  {line.text}".rstrip()
        if line.is_error:
            ERRORS.print(text, markup=False)
        else:
            say(text)

    def progress(self, told: Progress) -> None:
        """Move a bar."""
        self._bars.update(
            self._rows[told.name],
            completed=told.done,
            total=told.total,
            description=f"{told.name}  {told.words}",
        )

    def end(self, name: str, word: str = "done") -> None:
        """Let the bar of a task that ended say so."""
        self._bars.update(self._rows[name], description=f"{name}  {word}", total=1, completed=1)
