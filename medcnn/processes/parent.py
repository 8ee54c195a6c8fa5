"""The process that started this one: a child does not outlive it, however it ends."""

from __future__ import annotations

import os
import threading


def end_with(parent: int) -> None:
    """End this process, from a thread, once ``parent`` is no longer what it was started by.

    After a SIGKILL of the parent, siblings hold each other's pipes open and would wait for ever.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    beat = threading.Event()
    while os.getppid() == parent:
        beat.wait(1.0)
    os._exit(1)
