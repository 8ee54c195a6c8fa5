"""What a service counts, in Prometheus' format: numbers and words for counting, nothing of anybody."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from medcnn.calibration.detector import FLAG

_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Meter:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.answers = Counter(
            "medcnn_images", "Images answered", ["door", "outcome"], registry=own
        )
        self.refused = Counter(
            "medcnn_refused", "Requests refused", ["door", "reason"], registry=own
        )
        self.waiting = Gauge("medcnn_under_way", "Images under way", registry=own)
        self.spooled = Gauge("medcnn_spooled", "Files in the spool", ["state"], registry=own)
        self.sent = Counter("medcnn_reports_sent", "Reports that the archive took", registry=own)
        self.failed = Counter("medcnn_sending_failed", "Tries of sending that failed", registry=own)
        self.batches = Histogram(
            "medcnn_batch_size", "Images through the network together", buckets=_SIZES, registry=own
        )
        self.seconds = Histogram("medcnn_seconds", "From the last byte to the answer", registry=own)

    def count(self, door: str, row: Mapping[str, object]) -> None:
        """Count one answer by its decision, ``foreign`` where none counts, or the kind of its error."""
        foreign = "foreign" if row.get(FLAG) == 1 else None
        outcome = foreign or row.get("decision") or row.get("error_kind") or "unforeseen"
        self.answers.labels(door, str(outcome)).inc()

    def text(self) -> bytes:
        """Return all of it."""
        return generate_latest(self.registry)
