"""A report where a notebook shows it: its verdict and its estimates, and the whole page to unfold."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from medcnn.errors import DataError
from medcnn.evaluation.results import Results, read_results
from medcnn.metrics.estimate import Estimate
from medcnn.run.directory import RunDir

ROWS = ("sensitivity", "specificity", "ppv", "npv", "auroc")
TALL = 640
"""Height of the unfolded page, in pixels."""


@dataclass(frozen=True)
class ReportView:
    """The report of a run.

    Attributes:
        path: The page.
        results: What it says.
    """

    path: Path
    results: Results

    @classmethod
    def of(cls, run: RunDir) -> ReportView:
        """Return the report of a run.

        Raises:
            DataError: If the run has none.
        """
        if not run.report.is_file():
            raise DataError(
                f"{run.path} has no report.",
                expected=run.report.name,
                remedy="finish the run, or make it anew by medcnn evaluate",
            )
        return cls(run.report, read_results(run.results))

    def __str__(self) -> str:
        return str(self.path)

    def page(self, height: int = TALL) -> ReportPage:
        """Return the whole page, which a notebook shows in a frame.

        Args:
            height: Of the frame, in pixels.
        """
        return ReportPage(self.path, height)

    def _repr_html_(self) -> str:
        results = self.results
        said = " ".join(results.verdict.sentences) if results.verdict else ""
        rows = "".join(_row(name, getattr(results, name)) for name in ROWS)
        head = f"{results.split}: {results.n} images of {results.n_patients} patients"
        return (
            f"<p><b>{html.escape(head)}</b>. {html.escape(said)}</p>"
            f"<table><tr><th></th><th>estimate</th><th>{100 * results.level:g}% CI</th></tr>"
            f"{rows}</table>"
        )


@dataclass(frozen=True)
class ReportPage:
    """The page of a report in a frame: it holds its figures itself, so no server has to find them."""

    path: Path
    height: int

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"))
        return (
            f'<iframe srcdoc="{page}" style="width: 100%; height: {self.height}px; border: 0" '
            f'title="report"></iframe>'
        )


def _row(name: str, estimate: Estimate) -> str:
    if estimate.value is None:
        cells = "<td>not estimable</td><td></td>"
    elif estimate.ci is None:
        cells = f"<td>{estimate.value:.3f}</td><td></td>"
    else:
        low, high = estimate.ci
        cells = f"<td>{estimate.value:.3f}</td><td>{low:.3f} to {high:.3f}</td>"
    shown = {"ppv": "PPV", "npv": "NPV", "auroc": "AUROC"}.get(name, name)
    return f"<tr><td>{shown}</td>{cells}</tr>"
