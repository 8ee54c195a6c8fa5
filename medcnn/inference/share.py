"""A share of a prediction: the files of a folder divided among processes or machines.

    medcnn predict run=RUN_DIR input=FOLDER output=FILE.csv part=3/16

A share is made of whole batches, those that one process would have made: so every image goes through
the network in the same company, and gets the same digits, whoever computes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from medcnn.errors import ConfigError

MOST = 100_000
_SPELT = re.compile(r"(\d+)/(\d+)")
_NAME = re.compile(r"\.part-(\d+)-of-(\d+)")


@dataclass(frozen=True, order=True)
class Share:
    """One of so many shares.

    Attributes:
        number: Which one, from 1.
        of: How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """Return the share that a text such as ``3/16`` names.

        Raises:
            ConfigError: If it names none.

        >>> str(Share.parse("3/16"))
        '3/16'
        """
        spelt = _SPELT.fullmatch(text.strip())
        if spelt is None or not 1 <= int(spelt[1]) <= int(spelt[2]) <= MOST:
            raise ConfigError(
                f"part cannot be {text!r}.",
                expected="which part of how many, from 1/16 to 16/16 for sixteen",
                found=text,
                remedy="give part=1/4, 2/4, 3/4 and 4/4 to four processes, then run the command "
                "without part=",
            )
        return cls(int(spelt[1]), int(spelt[2]))

    def __str__(self) -> str:
        """Return it as it is given."""
        return f"{self.number}/{self.of}"

    def takes(self, place: int, batch_size: int) -> bool:
        """Return whether the file at a place in the order of the input is of this share."""
        return place // batch_size % self.of == self.number - 1

    def count(self, files: int, batch_size: int) -> int:
        """Return how many of so many files are of this share.

        >>> [Share(number, 3).count(20, 4) for number in (1, 2, 3)]
        [8, 8, 4]
        """
        whole, rest = divmod(files, batch_size)
        return batch_size * len(range(self.number - 1, whole, self.of)) + (
            rest if whole % self.of == self.number - 1 else 0
        )

    def path(self, output: Path) -> Path:
        """Return where the rows of the finished share lie: beside the output."""
        return output.with_name(f"{output.name}.part-{self.number}-of-{self.of}")


def shares_beside(output: Path) -> tuple[list[Share], list[Share]]:
    """Return the finished shares beside an output, and those that were begun and not finished."""
    finished: list[Share] = []
    begun: list[Share] = []
    for path in output.parent.iterdir() if output.parent.is_dir() else ():
        rest = path.name.removeprefix(output.name)
        found = _NAME.fullmatch(rest.removesuffix(".ledger"))
        if found is not None and rest != path.name:
            share = Share(int(found[1]), int(found[2]))
            (begun if rest.endswith(".ledger") else finished).append(share)
    return sorted(finished), sorted(begun)
