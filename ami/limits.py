"""The deadlines and bounds of the AMI client."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class AmiLimits:
    """All times in seconds."""

    connect_timeout: float = 2.0
    login_timeout: float = 3.0
    """For the banner, and again for the answer to Login."""
    boot_timeout: float = 60.0
    """Longest wait for FullyBooted after login; until then Asterisk answers, but half of it is not loaded."""
    action_timeout: float = 2.0
    ping_interval: float = 2.0
    ping_timeout: float = 2.0
    """A peer that leaves a Ping unanswered for so long is gone: noticed within interval plus timeout."""
    queue_limit: int = 10_000
    """Events waiting for their handlers. One call makes about 15 of the subscribed kinds."""
    handler_timeout: float = 10.0
    hook_timeout: float = 30.0
    gap_delay: float = 1.0
    """Longest delay of the hooks after a drop while the queue is not empty, and the pause between two such runs."""
    backoff_first: float = 0.1
    backoff_cap: float = 5.0
    stable_after: float = 5.0
    """A connection that lived so long resets the back-off."""
    message_limit: int = 256 * 1024
    """Bytes of one message; a peer that sends more without a blank line does not speak AMI."""

    def backoff(self, attempt: int, random: Random) -> float:
        """Seconds to wait before connecting again after `attempt` failures in a row (0 for the first), with jitter
        between one half and the whole, so that processes do not come back in step."""
        ceiling = min(self.backoff_cap, self.backoff_first * 2.0 ** min(attempt, 30))
        return ceiling * (0.5 + random.random() / 2)
