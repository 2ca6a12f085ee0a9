"""What Prometheus is told of recordings, by the jobs process of a host."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class RecordingMetrics:
    """One set for each process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sealed = Counter("hotline_recordings_sealed", "Recordings sealed.", registry=registry)
        self.failed = Counter("hotline_recordings_failed", "Attempts to seal one that failed.", registry=registry)
        self.gaps = Counter("hotline_recordings_gaps", "Recordings that lack more than gap_ms.", registry=registry)
        self.missing = Counter("hotline_recordings_missing", "Talks that were not recorded.", registry=registry)
        self.damaged = Counter("hotline_recordings_damaged", "Files found changed or gone.", registry=registry)
        self.erased = Counter("hotline_recordings_erased", "Recordings erased, their time over.", registry=registry)
        self.unsealed = Gauge("hotline_recordings_unsealed", "Tapes that run or wait to be sealed.", registry=registry)
        self.free = Gauge(
            "hotline_recordings_free_bytes", "Room left for recordings, where least is left.", registry=registry
        )
        self.low = Gauge("hotline_recordings_disk_low", "1 while the alarm of the disk is raised.", registry=registry)
