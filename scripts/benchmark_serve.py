"""What a service costs: CPU an image with and without batches, beside predict; delay; memory.

python scripts/benchmark_serve.py RUN_DIR IMAGES --images 320 --clients 16 --rounds 3

Rounds alternate between the ways, and CPU time is compared, so that a busy machine matters little.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Service:
    """A running ``medcnn serve``."""

    def __init__(self, run: Path, batch_size: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        asked = [f"run={run}", "http=127.0.0.1:0", f"spool={self.folder.name}/spool"]
        asked += [f"batch_size={batch_size}", "num_workers=1", "queue=64"]
        self.process = subprocess.Popen(  # noqa: S603  this Python and this package
            [sys.executable, "-m", "medcnn.cli", "serve", *asked],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        said = ""
        while "ready" not in said:
            said += next(self.process.stdout or iter(()))
        found = re.search(r":(\d+)/docs", said)
        self.port = int(found[1]) if found else 0

    def cpu(self) -> float:
        """Return the CPU seconds of the service and of its processes."""
        return sum(_seconds(pid) for pid in [self.process.pid, *_children(self.process.pid)])

    def memory(self) -> float:
        """Return the resident MiB of all of them."""
        pids = [self.process.pid, *_children(self.process.pid)]
        pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
        return sum(pages) * PAGE / 2**20

    def ask(self, content: bytes) -> float:
        """Send one image, and return the seconds until its answer."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("POST", "/predict", content)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}")
        return time.perf_counter() - began

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(120)
        self.folder.cleanup()


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_children(child)]
    return found


@contextmanager
def _services(run: Path, sizes: list[int]) -> Iterator[list[Service]]:
    started = [Service(run, size) for size in sizes]
    try:
        yield started
    finally:
        for service in started:
            service.stop()


def _load(service: Service, contents: list[bytes], clients: int) -> tuple[float, float]:
    """Return CPU and wall seconds an image."""
    before, began = service.cpu(), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(service.ask, contents))
    wall = time.perf_counter() - began
    return (service.cpu() - before) / len(contents), wall / len(contents)


def _predict(run: Path, images: Path, count: int) -> float:
    """Return CPU seconds an image of ``medcnn predict``, without its start."""
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "few"
        few.mkdir()
        paths = sorted(images.iterdir())[:count]
        for path in paths[:16]:
            (few / path.name).symlink_to(path)
        for place in (few, images):
            asked = [f"run={run}", f"input={place}", f"output={folder}/o.csv", "resume=false"]
            asked += ["num_workers=0"]
            before = os.times()
            command = [sys.executable, "-m", "medcnn.cli", "predict", *asked]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603  this Python
            after = os.times()
            spent.append(after[2] + after[3] - before[2] - before[3])
    return (spent[1] - spent[0]) / (len(paths) - 16)


def main() -> None:
    """Measure, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path, help="a flat folder of images")
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0, help="images of the test of memory")
    given = parser.parse_args()
    paths = sorted(given.folder.iterdir())[: given.images]
    contents = [path.read_bytes() for path in paths]
    with _services(given.run, [16, 1]) as (batched, single):
        for service in (batched, single):
            _load(service, contents[:32], given.clients)
        pairs = [
            (_load(batched, contents, given.clients), _load(single, contents, given.clients))
            for _ in range(given.rounds)
        ]
        _tell_load(pairs)
        delays = [(batched.ask(each), single.ask(each)) for each in contents[:40]]
        ratio = statistics.median(a for a, _ in delays) / statistics.median(b for _, b in delays)
        print(f"delay of one client      {ratio:.2f} of unbatched", flush=True)
        _print_memory(batched, contents, given.memory, given.clients)
    own = _predict(given.run, given.folder, len(paths))
    print(f"CPU an image, predict    {1000 * own:.1f} ms")
    print(f"served / predict         {statistics.median(many[0] for many, _ in pairs) / own:.2f}")


def _tell_load(pairs: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    cpu = [(many[0], one[0]) for many, one in pairs]
    wall = [one[1] / many[1] for many, one in pairs]
    print(f"CPU an image, batched    {1000 * statistics.median(a for a, _ in cpu):.1f} ms")
    print(f"CPU an image, unbatched  {1000 * statistics.median(b for _, b in cpu):.1f} ms")
    print(f"unbatched / batched      {statistics.median(b / a for a, b in cpu):.2f} of CPU")
    print(f"unbatched / batched      {statistics.median(wall):.2f} of the clock", flush=True)


def _print_memory(service: Service, contents: list[bytes], count: int, clients: int) -> None:
    if count:
        before = service.memory()
        _load(service, (contents * (count // len(contents) + 1))[:count], clients)
        print(
            f"memory                   {before:.0f} MiB, after {count} images "
            f"{service.memory():.0f} MiB"
        )


if __name__ == "__main__":
    main()
