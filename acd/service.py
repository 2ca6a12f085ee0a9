"""Automatic call distribution (ACD, 话务分配) of one site, as one process uses it."""

from __future__ import annotations

from acd.agents import Agents
from acd.processes import Processes
from acd.queue import Queue
from acd.reservations import Reservations


class Acd(Agents, Queue, Reservations, Processes):
    """Every method is one atomic step in Redis; see the modules by subject.

    At the start: `load()`, and `open_epoch()` if `epoch` is 0. While running: `heartbeat()` every third of the
    lease, `run_timers()` as often as it asks for, `inbox()` read all the time, `adopt_orphans()` every second or so.
    Any method raises EpochChanged after a flush or failover and PartUnavailable while Redis is away.
    """
