"""Conditions: the first case whose test is true. A queue is asked how it stands before a case that depends on it, and
once at most in a visit of the node."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.events import LookAtQueue
from ivr.flow import (
    ByAnswer,
    ByCalendar,
    ByDay,
    ByHours,
    ByLanguage,
    ByLine,
    ByQueue,
    ByTag,
    ByTime,
    Condition,
    Test,
)
from ivr.interpreter_machine import Machine
from ivr.interpreter_states import Looking, QueueSeen


def enter_condition(machine: Machine, node: Condition) -> None:
    _decide(machine, node, {})


def queue_answered(machine: Machine, node: Condition, state: Looking, values: Mapping[str, str]) -> None:
    """A queue told how it stands."""
    try:
        seen = QueueSeen(int(values["waiting"]), int(values["ready"]))
    except (KeyError, ValueError):
        queue_failed(machine, node)
        return
    _decide(machine, node, {**state.known, state.work.queue: seen})


def queue_failed(machine: Machine, node: Condition) -> None:
    """A queue did not tell."""
    machine.leave("otherwise", node.otherwise)


def _decide(machine: Machine, node: Condition, known: dict[str, QueueSeen]) -> None:
    for number, case in enumerate(node.cases, start=1):
        test = case.when
        if isinstance(test, ByQueue):
            if test.queue not in known:
                work = LookAtQueue(test.queue)
                machine.state = Looking(work, known)
                machine.do(work)
                return
            true = _queue_is(test, known[test.queue])
        else:
            true = holds(machine, test)
        if true:
            machine.leave(f"case {number}", case.next)
            return
    machine.leave("otherwise", node.otherwise)


def _queue_is(test: ByQueue, seen: QueueSeen) -> bool:
    return (test.waiting is not None and seen.waiting >= test.waiting) or (test.nobody_ready and not seen.ready)


def holds(machine: Machine, test: Test) -> bool:
    """Whether a test that needs no answer of the world is true now."""
    match test:
        case ByCalendar():
            return test.first <= machine.calendar.local(machine.now).date() <= test.last
        case ByTime():
            now = machine.calendar.local(machine.now).time()
            if test.opens < test.closes:
                return test.opens <= now < test.closes
            return now >= test.opens or now < test.closes
        case ByHours():
            return machine.calendar.is_open(test.of, machine.now)
        case ByDay():
            return machine.calendar.day(machine.now) in test.kinds
        case ByLine():
            return machine.facts.line in test.lines
        case ByTag():
            return not machine.facts.tags.isdisjoint(test.tags)
        case ByLanguage():
            return machine.language == test.language
        case ByAnswer():
            return machine.values.get(test.variable) in test.values
        case ByQueue():
            return False
