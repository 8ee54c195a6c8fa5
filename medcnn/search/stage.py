"""A stage of a search: a study with one space and one method."""

from __future__ import annotations

from dataclasses import dataclass

from medcnn.search.settings import Search
from medcnn.search.space import Parameter


@dataclass(frozen=True)
class Stage:
    """A stage; ``coarse_to_fine`` has two of them, every other search one without a name."""

    name: str
    method: str
    space: list[Parameter]
    options: Search

    @property
    def study(self) -> str:
        """Its name in the database."""
        return f"{self.options.study}/{self.name}" if self.name else self.options.study
