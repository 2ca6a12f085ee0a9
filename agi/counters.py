"""What the FastAGI server counts."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


class Oddity(StrEnum):
    """Reasons of `hotline_agi_oddities_total`: everything a well-behaved Asterisk and caller never cause."""

    EMPTY_CONNECTION = "empty_connection"
    """Connected and closed without a byte: a health probe."""
    TRUNCATED_HEADER = "truncated_header"
    """Closed in the middle of the header."""
    HALF_OPEN = "half_open"
    """No complete header within the deadline."""
    HEADER_TOO_LARGE = "header_too_large"
    BAD_ENV = "bad_env"
    """A NUL byte in the header, or no route in it."""
    INJECTED_ENV = "injected_env"
    """Lines in the header that Asterisk does not write: a line feed in the caller's name or number."""
    ODD_BYTES = "odd_bytes"
    """Header not in UTF-8, e.g. a caller's name in GBK; read with replacement characters."""
    ODD_CALLER = "odd_caller"
    """A caller's number that is none (`&`, `,`, `${`, ...), or a control character in the caller's number or name."""
    UNKNOWN_ROUTE = "unknown_route"
    TOO_MANY_SESSIONS = "too_many_sessions"
    TOO_MANY_HALF_OPEN = "too_many_half_open"
    REFUSED_VALUE = "refused_value"
    """A value was not sent, see AgiRefusedValue."""
    STRAY_LINE = "stray_line"
    """A line that answers no command."""
    LATE_REPLY = "late_reply"
    """A reply dropped because its command was cancelled or timed out."""
    PROTOCOL_ERROR = "protocol_error"
    COMMAND_TIMEOUT = "command_timeout"
    HANDLER_FAILED = "handler_failed"
    CUT_SHORT = "cut_short"
    """Sessions still running at the end of the drain."""


class AgiCounters:
    """Metrics of one server, in a registry of the caller's choice (a fresh one by default)."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self.sessions = Gauge("hotline_agi_sessions", "FastAGI sessions running", registry=self.registry)
        self.started = Counter("hotline_agi_sessions_started", "FastAGI sessions started", registry=self.registry)
        self.commands = Counter("hotline_agi_commands", "AGI commands sent", registry=self.registry)
        self._oddities = Counter(
            "hotline_agi_oddities", "Odd or refused things, by reason", ["reason"], registry=self.registry
        )
        self._by_reason = {reason: self._oddities.labels(reason.value) for reason in Oddity}

    def odd(self, reason: Oddity) -> None:
        """Count one."""
        self._by_reason[reason].inc()

    def count(self, reason: Oddity) -> int:
        """How many so far."""
        value = self.registry.get_sample_value("hotline_agi_oddities_total", {"reason": reason.value})
        return int(value or 0)
