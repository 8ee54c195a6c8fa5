"""``medcnn serve``: trained runs as a service with two doors, HTTP and DICOM."""

from __future__ import annotations

import signal
from threading import Event

from omegaconf import DictConfig

from medcnn.console import say, warn
from medcnn.inference.device import check_device
from medcnn.inference.settings import DicomResults, run_settings
from medcnn.pacs.asked import check_identity
from medcnn.run.directory import RunDir
from medcnn.run.settings import read_settings
from medcnn.serving.asked import check_serve, read_token
from medcnn.serving.certificates import server_context
from medcnn.serving.settings import Serve
from medcnn.settings.composition import read_config


def run(cfg: DictConfig) -> None:
    """Serve what the configuration names until SIGTERM or SIGINT."""
    asked = read_config(Serve, cfg)
    check_serve(asked)
    check_device(asked.inference.device)
    _check_files(asked)
    runs = [RunDir.open(path) for path in asked.run]
    for each in (member for one in runs for member in (one, *one.members)):
        read_settings(each)
    if asked.dicom is not None:
        kept = DicomResults(keep_identity=asked.keep_identity)
        check_identity(kept, [run_settings(one).data.hash_patients for one in runs])
    _serve(asked, runs)


def _check_files(asked: Serve) -> None:
    guards = asked.guards
    if guards.token_file is not None:
        read_token(guards.token_file)
    if guards.tls_certificate is not None and guards.tls_key is not None:
        server_context(guards.tls_certificate, guards.tls_key, guards.tls_clients)


def _serve(asked: Serve, runs: list[RunDir]) -> None:
    from medcnn.inference.folder import assembled  # torch: seconds
    from medcnn.pacs.identity import Judge
    from medcnn.serving.service import opened

    how = assembled(runs, asked.predict)

    def judge() -> Judge:
        from medcnn.pacs.results import judge_of

        name = run_settings(runs[0]).name
        return judge_of(name, how.panel, how.identity, how.decision)

    stop = Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    for each in before:
        signal.signal(each, lambda *_: stop.set())
    try:
        for text in (*how.panel.notes, *how.quick.warnings):
            warn(str(text))
        with opened(asked, how, judge) as doors:
            _tell(asked, doors.http, doors.dicom)
            # With a timeout the main thread stays able to run the handlers of signals everywhere.
            while not stop.wait(0.5):
                pass
            say("stopping     no more is taken; answers under way are given")
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    say("stopped")


def _tell(asked: Serve, http: int | None, dicom: int | None) -> None:
    if asked.address is not None:
        scheme = "http" if asked.guards.tls_certificate is None else "https"
        say(f"HTTP         {scheme}://{asked.address.host}:{http}/docs")
    if asked.own is not None:
        say(f"DICOM        {asked.own.title}@{asked.own.address.host}:{dicom}, to {asked.send_to}")
    say("ready        SIGTERM or Ctrl-C stops it")
