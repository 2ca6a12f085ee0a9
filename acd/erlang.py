"""How long callers wait, by arithmetic: Erlang C (nobody gives up) and Erlang A (waiting callers give up).

Both take Poisson arrivals and exponential handling times, one skill, first come first served. Erlang C is M/M/n; Erlang
A is M/M/n+M (C. Palm 1946; formulas as in S. Zeltyn and A. Mandelbaum, Call centers with impatient customers:
many-server asymptotics of the M/M/n+G queue, 2005). Every sum is scaled, so that ten thousand agents are no harder than
ten. Seconds and calls a second throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotline.errors import InvalidInput

_Weight = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANEL = 4.0
"""Largest change of the exponent within a panel of an integral; 16 nodes take that to full precision."""
_NEGLIGIBLE = 50.0
"""Terms smaller than e^-50 of the largest are not counted."""
_MOST_AGENTS = 1_000_000


class CannotBeReached(InvalidInput):
    """No number of agents reaches this target."""

    code = "staffing.cannot_be_reached"


@dataclass(frozen=True, slots=True)
class Load:
    """Demand on one group: calls a second, mean handling (talk and wrap-up) and, for Erlang A, mean patience.

    `patience_s` None: nobody gives up (Erlang C).
    """

    calls_per_s: float
    handling_s: float
    patience_s: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.calls_per_s, self.handling_s, 1.0 if self.patience_s is None else self.patience_s)
        if not all(math.isfinite(number) for number in numbers):
            raise InvalidInput("a load is made of numbers")
        if self.calls_per_s < 0 or self.handling_s <= 0 or numbers[2] <= 0:
            raise InvalidInput("calls are at least 0, handling and patience more than 0 seconds")

    @property
    def erlangs(self) -> float:
        """Traffic offered, in Erlang: the mean number of agents at work if nobody ever waited or gave up."""
        return self.calls_per_s * self.handling_s


@dataclass(frozen=True, slots=True)
class Service:
    """What callers get from a number of agents. Shares are 0 to 1."""

    agents: int
    wait_share: float
    """Callers who do not find an agent at once."""
    service_level: float
    """Callers who are answered within the time asked for, of all who come."""
    asa_s: float
    """Average speed of answer: mean wait of those who are answered. Infinite if the queue grows for ever."""
    mean_wait_s: float
    """Mean wait of all callers, those who give up included."""
    abandoned: float
    """Callers who give up."""
    occupancy: float
    """Share of the agents' time in talk and wrap-up."""


def erlang_b(agents: int, erlangs: float) -> float:
    """Share of calls that find all agents busy where nobody may wait."""
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = erlangs * blocked / (n + erlangs * blocked)
    return blocked


def erlang_c(agents: int, erlangs: float) -> float:
    """Share of calls that wait where nobody gives up; 1 if the traffic is too much for the agents."""
    if erlangs >= agents:
        return 1.0
    blocked = erlang_b(agents, erlangs)
    return agents * blocked / (agents - erlangs * (1 - blocked))


def service(agents: int, load: Load, within_s: float) -> Service:
    """What `agents` achieve. `within_s` is the time of the service level. Raises InvalidInput for less than none."""
    if not 0 <= agents <= _MOST_AGENTS or within_s < 0:
        raise InvalidInput(f"agents are 0 to {_MOST_AGENTS:,}, a time at least 0")
    if load.calls_per_s == 0:
        return Service(agents, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    if load.patience_s is None:
        return _patient(agents, load, within_s)
    return _impatient(agents, load, load.patience_s, within_s)


def agents_needed(
    load: Load, within_s: float, service_level: float, *, max_abandoned: float = 1.0, max_occupancy: float = 1.0
) -> Service:
    """The fewest agents who reach every target, and what they achieve.

    Raises InvalidInput for shares outside 0 to 1, CannotBeReached for a target that no number of agents reaches.
    """
    if not all(0 <= share <= 1 for share in (service_level, max_abandoned, max_occupancy)):
        raise InvalidInput("a target is a share, 0 to 1")
    if load.calls_per_s == 0:
        return service(0, load, within_s)

    def reached(agents: int) -> bool:
        got = service(agents, load, within_s)
        return (
            got.service_level >= service_level
            and got.abandoned <= max_abandoned
            and got.occupancy <= max_occupancy
            and math.isfinite(got.asa_s)
        )

    return service(_least(reached, math.ceil(load.erlangs) + 1), load, within_s)


def _least(reached: Callable[[int], bool], likely: int) -> int:
    """The smallest number for which `reached` holds; it holds for every larger one. Doubles, then halves."""
    high = likely
    while not reached(high):
        high *= 2
        if high > _MOST_AGENTS:
            raise CannotBeReached("no number of agents reaches this target", remedy="ask for less than everything")
    low = 0
    while low < high:
        middle = (low + high) // 2
        if reached(middle):
            high = middle
        else:
            low = middle + 1
    return high


def _patient(agents: int, load: Load, within_s: float) -> Service:
    waiting = erlang_c(agents, load.erlangs)
    if load.erlangs >= agents:
        return Service(agents, 1.0, 0.0, math.inf, math.inf, 0.0, 1.0 if agents else 0.0)
    free_per_s = (agents - load.erlangs) / load.handling_s
    level = 1 - waiting * math.exp(-free_per_s * within_s)
    wait = waiting / free_per_s
    return Service(agents, waiting, level, wait, wait, 0.0, load.erlangs / agents)


def _impatient(agents: int, load: Load, patience_s: float, within_s: float) -> Service:
    """Erlang A from the offered wait V, of density f(v) = calls p exp(calls (1-e^(-v/patience)) patience - out v) where
    `out` is all agents' rate of handling and p the share of time with all agents but one busy."""
    calls, out = load.calls_per_s, agents / load.handling_s
    if agents == 0:
        return Service(0, 1.0, 0.0, math.inf, patience_s, 1.0, 0.0)
    peak_at = patience_s * math.log(calls / out) if calls > out else 0.0

    def exponent(v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(calls * patience_s * -np.expm1(-v / patience_s) - out * v, dtype=np.float64)

    def slope(v: float) -> float:
        return abs(calls * math.exp(-v / patience_s) - out)

    top = float(exponent(np.array([peak_at]))[0])
    begin, end = (_edge(lambda v: top - float(exponent(np.array([v]))[0]), peak_at, side) for side in (-1, 1))
    levelled = begin + _NEGLIGIBLE * patience_s  # from here on patience changes nothing

    def integral(weight: _Weight, until: float) -> float:
        whole = 0.0
        for low, high, curved in ((begin, min(levelled, until, end), 1 / patience_s), (levelled, min(until, end), 0.0)):
            if low < high:
                panels = max(math.ceil((high - low) * max(slope(low), slope(high), curved) / _PANEL), 4)
                edges = np.linspace(low, high, panels + 1)
                half = np.diff(edges)[:, None] / 2
                v = edges[:-1, None] + half * (1 + _NODES)
                whole += float(np.sum(half * _WEIGHTS * weight(v) * np.exp(exponent(v) - top)))
        return whole

    blocked = erlang_b(agents - 1, load.erlangs)
    # Everything below is over e^top; of a group so large that nobody ever waits, `at_once` is infinite.
    at_once = math.exp(-top) / blocked if blocked > 0 else math.inf
    whole = at_once + calls * integral(np.ones_like, math.inf)
    if math.isinf(whole):
        return Service(agents, 0.0, 1.0, 0.0, 0.0, 0.0, load.erlangs / agents)

    def share(weight: _Weight, until: float = math.inf) -> float:
        return calls * integral(weight, until) / whole

    no_wait = at_once / whole
    abandoned = share(lambda v: -np.expm1(-v / patience_s))
    answered = 1 - abandoned
    in_time = share(lambda v: np.exp(-v / patience_s), within_s) if within_s > 0 else 0.0
    return Service(
        agents=agents,
        wait_share=max(1 - no_wait, 0.0),
        service_level=min(no_wait + in_time, 1.0),
        asa_s=share(lambda v: v * np.exp(-v / patience_s)) / answered,
        mean_wait_s=abandoned * patience_s,  # Little: so many give up a second as wait, divided by their patience
        abandoned=abandoned,
        occupancy=min(load.erlangs * answered / agents, 1.0),
    )


def _edge(fallen: Callable[[float], float], peak_at: float, side: int) -> float:
    """From 0 on: where the exponent, before (-1) or after (1) its peak, is so low that the rest does not count."""
    step = 1e-9
    while fallen(max(peak_at + side * step, 0.0)) < _NEGLIGIBLE and peak_at + side * step > 0:
        step *= 1.25
    return max(peak_at + side * step, 0.0)
