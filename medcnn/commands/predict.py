"""``medcnn predict``: a file or a folder through trained runs, into a CSV or Parquet file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from medcnn.calibration.detector import REASONS
from medcnn.commands.shift import write_pages
from medcnn.console import say, warn
from medcnn.data.checks import check_path
from medcnn.errors import ConfigError
from medcnn.inference.device import check_device
from medcnn.inference.files import Listing, list_files, nothing_in
from medcnn.inference.settings import Predict, run_settings
from medcnn.inference.share import Share
from medcnn.io.choice import counted
from medcnn.pacs.asked import check_identity, check_results
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings
from medcnn.settings.composition import read_config

if TYPE_CHECKING:
    from medcnn.adaptation.column import ShiftBeside
    from medcnn.inference.folder import Predicted, Results


def run(cfg: DictConfig) -> Path:
    """Predict what the configuration names, and return the table that was written."""
    options = read_config(Predict, cfg)
    check_results(options.results)
    check_device(options.inference.device)
    runs = [RunDir.open(path) for path in options.run]
    check_path(options.input, "input")
    for each in (member for one in runs for member in (one, *one.members)):
        read_settings(each)
    listing = list_files(options.input)
    if not listing.images:
        raise nothing_in(options.input)
    if options.share is not None:
        return _part(runs, options, options.share, listing)
    from medcnn.inference.folder import predict_folder  # torch: seconds

    results = _results(options, runs)
    shift = _shift(options, runs, results)
    found = predict_folder(runs, options, listing, shift or results)
    _tell(found, listing.left_out)
    if shift is not None and shift.found is not None and shift.found.looked is not None:
        page = write_pages(runs[0], shift.found.looked, shift.found.asked)
        say(f"shift        {shift.found.verdict}: {page}")
    say(f"predictions  {options.output}")
    if options.results.dicom is not None:
        say(f"DICOM        {options.results.dicom}")
    return options.output


def _results(options: Predict, runs: Sequence[RunDir]) -> Results | None:
    if options.results.dicom is None:
        return None
    check_identity(options.results, [run_settings(run).data.hash_patients for run in runs])
    from medcnn.pacs.results import results_of

    return results_of(options, run_settings(runs[0]).name)


def _shift(options: Predict, runs: Sequence[RunDir], results: Results | None) -> ShiftBeside | None:
    if not options.shift:
        return None
    if len(runs) > 1 or not options.inference.views.as_trained:
        raise ConfigError(
            "shift=true compares with the validation that one run left, seen as it was trained.",
            expected="one run, without vote, tta or mc_samples of its own",
            found=f"{len(runs)} runs" if len(runs) > 1 else "other views or passes",
            remedy="leave shift out here, and run medcnn shift on each run",
        )
    from medcnn.adaptation.column import ShiftBeside  # torch: seconds

    return ShiftBeside(runs[0], options, results)


def _part(runs: list[RunDir], options: Predict, share: Share, listing: Listing) -> Path:
    if not options.input.is_dir():
        raise ConfigError(
            f"part={share} divides a folder, and {options.input} is one file.",
            expected="a folder, or no part=",
            found=f"input={options.input}",
        )
    from medcnn.inference.folder import predict_share  # torch: seconds

    files = predict_share(runs, options, share, listing)
    path = share.path(options.output)
    if files is None:
        say(f"part {share}     is there: {path}; resume=false makes it anew")
    else:
        say(f"part {share}     {files} of {listing.images} files: {path}")
    say("the same command without part= joins all parts and writes the table")
    return path


def _tell(found: Predicted, others: Counter[str]) -> None:
    written = found.written
    for text in found.warnings:
        warn(text)
    unread = sum(written.errors.values())
    say(
        f"{written.rows} files: {written.decisions['abnormal']} abnormal, "
        f"{written.decisions['normal']} normal, {unread} not readable"
        + (f"; {found.kept} of them stood from before" if found.kept else "")
    )
    if unread:
        kinds = ", ".join(f"{kind} {count}" for kind, count in written.errors.most_common())
        say(f"not readable {kinds}; the column error says why")
    if written.referred:
        say(f"referred     {written.referred} to a radiologist")
    if written.foreign:
        warn(f"{written.foreign} files are unlike the training images; {REASONS} says why")
    if others:
        say(f"left out     {others.total()} that are no images: {counted(others)}")
