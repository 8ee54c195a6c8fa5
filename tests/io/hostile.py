"""Reads mutated files one by one; run as a program, so that a crash or a hang is seen from outside.

Prints one JSON line a file: index, result, seconds; the last line says the peak memory in MiB.
"""

import faulthandler
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import mutations  # noqa: E402  the folder of this program is no package

from medcnn.errors import ImageError  # noqa: E402
from medcnn.io import read_image, read_image_resized  # noqa: E402
from medcnn.io.dicom import read_facts  # noqa: E402

LIMIT_S = 30


def result_of(path, index):
    """Return ``pixels``, the kind of the typed error, or the name of a foreign exception."""
    try:
        if index % 3 == 0:
            pixels, _ = read_image_resized(path, 8, exact=False)
            return "pixels" if pixels.shape == (8, 8) else f"shape {pixels.shape}"
        if index % 3 == 1 and path.suffix == ".dcm":
            read_facts(path)
        image = read_image(path)
        within = image.pixels.size and image.pixels.min() >= 0 and image.pixels.max() <= 1
        return "pixels" if within else "values outside of [0, 1]"
    except ImageError as error:
        return error.kind
    except BaseException as error:  # noqa: BLE001  finding these is what this program is for
        return f"untyped {type(error).__name__}"


def main(seed, start, stop):
    files = mutations.seeds()
    with tempfile.TemporaryDirectory() as folder:
        for index in range(start, stop):
            path = Path(folder) / ("a.dcm" if index % 7 else "a")
            content = mutations.mutated(files, index, seed)
            path.write_bytes(content)
            faulthandler.dump_traceback_later(LIMIT_S, exit=True)
            began = time.perf_counter()
            result = result_of(path, index)
            seconds = time.perf_counter() - began
            faulthandler.cancel_dump_traceback_later()
            sys.stdout.write(json.dumps([index, result, round(seconds, 4)]) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"{peak_mib()}\n")


def peak_mib():
    """Return the peak memory of this program; getrusage counts that of the parent before exec too."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
