"""What the AMI client counts, for the metrics page."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class AmiCounters:
    """The counters of one client. Without a registry of the process they live in one of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"hotline_ami_{name}", text, labels, registry=self.registry)

        self.connected = Gauge("hotline_ami_connected", "1 while logged in", registry=self.registry)
        self.logins = counter("logins", "Successful logins")
        self.login_failures = counter("login_failures", "Logins that Asterisk refused")
        self.disconnects = counter("disconnects", "Connections lost after login", "reason")
        self.action_timeouts = counter("action_timeouts", "Actions not answered in time", "action")
        self.unmatched_replies = counter("unmatched_replies", "Replies to no action that waits")
        self.events = counter("events", "Events queued for handlers")
        self.events_dropped = counter("events_dropped", "Events discarded because the queue was full")
        self.events_malformed = counter("events_malformed", "Events that lack a field they must have", "event")
        self.gaps = counter("gaps", "Reconciliations because of dropped events or failed hooks")
        self.handler_failures = counter("handler_failures", "Handlers and hooks that failed or took too long", "kind")
