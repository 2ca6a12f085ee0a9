"""Doubles, found in what clients wrote down for themselves: knows nothing of distribution's own state.

Each client appends to a file of its own:

    O <ns> <reservation> <agent> <call>   it has read this offer
    H <ns> <reservation>                  at that moment it sent a write under the reservation that was accepted

Times are of the machine's monotonic clock, which all its processes share. The reservation was made before its offer was
read, and it held when the write was sent, for the write came later and was accepted, and no reservation comes back. So
every span from O to the last H lies within the true one, and two spans of one agent, or of one call, that overlap are
two reservations at once: a double is never imagined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Span:
    """What is known of one reservation, nanoseconds."""

    begin: int
    end: int
    agent: str
    call: str


@dataclass(frozen=True, slots=True)
class Found:
    """`matches` are offers that arrived. `doubles` counts every reservation that began while another of the same agent
    or call was held, and every one that was delivered twice."""

    matches: int
    doubles: int
    held_s: float
    """Sum of all spans: how much of the agents' time the search can see."""


def count(logs: Iterable[Path]) -> Found:
    """Go through the clients' logs. Raises ValueError for a line that is none."""
    spans: dict[str, Span] = {}
    held: list[tuple[str, int]] = []
    matches = doubles = 0
    for log in logs:
        with log.open(encoding="ascii") as lines:
            for line in lines:
                kind, at, reservation, *who = line.split()
                if kind == "H":
                    held.append((reservation, int(at)))
                elif kind == "O":
                    matches += 1
                    doubles += reservation in spans
                    agent, call = who
                    spans[reservation] = Span(int(at), int(at), agent, call)
                else:
                    raise ValueError(f"{log.name}: {line!r}")
    for reservation, moment in held:
        span = spans[reservation]
        span.end = max(span.end, moment)
    doubles += _overlaps(spans.values(), "agent") + _overlaps(spans.values(), "call")
    return Found(matches, doubles, sum(span.end - span.begin for span in spans.values()) / 1e9)


def _overlaps(spans: Iterable[Span], whose: str) -> int:
    """How many spans begin while an earlier one of the same agent or call still goes on."""
    by_holder: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for span in spans:
        by_holder[getattr(span, whose)].append((span.begin, span.end))
    found = 0
    for times in by_holder.values():
        until = -1
        for begin, end in sorted(times):
            found += begin < until
            until = max(until, end)
    return found
