"""Reads files one after another; run as a program, it prints the peak memory in MiB behind each."""

import sys

from hostile import peak_mib

from medcnn.io import read_image

if __name__ == "__main__":
    for name in sys.argv[1:]:
        read_image(name)
        sys.stdout.write(f"{peak_mib()}\n")
