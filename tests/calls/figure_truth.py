"""An independent count of made-up stories: plain loops over what was meant to happen, no facts, no SQL, and for
agents' times a clock that ticks every millisecond."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import numpy as np

from tests.calls.figure_stories import Day, Shift, Story, moment

HALF_HOUR = 1_800_000

Counted = dict[tuple[str, datetime], Counter[str]]


def _at(milliseconds: int) -> datetime:
    return moment(milliseconds // HALF_HOUR * HALF_HOUR)


def hotlines(day: Day) -> Counted:
    """Every call once, where a human was asked for."""
    rows: Counted = defaultdict(Counter)
    for story in day.stories:
        if story.asked is None:
            rows[story.line, _at(story.entered)]["early"] += 1
            continue
        row = rows[story.line, _at(story.asked)]
        _offered(row, story, story.asked)
        if story.elsewhere:
            row["answered_elsewhere"] += 1
    return rows


def queues(day: Day) -> Counted:
    """Every call once in each queue it waited in, where it came into it."""
    rows: Counted = defaultdict(Counter)
    for story in day.stories:
        for nth, (came, queue) in enumerate(story.queues):
            row = rows[queue, _at(came)]
            if nth < len(story.queues) - 1:
                row["offered"] += 1
                row["moved"] += 1
            else:
                _offered(row, story, story.queues[0][0])
    return rows


def _offered(row: Counter[str], story: Story, clock: int) -> None:
    row["offered"] += 1
    if story.answered is not None:
        waited = story.answered - clock
        row["answered"] += 1
        row["wait_ms"] += waited
        if waited <= 15_000:
            row["answered_promptly"] += 1
        if waited <= 20_000:
            row["answered_in_level"] += 1
        row["handled"] += 1
        row["talk_ms"] += story.over - story.answered
        row["wrap_up_ms"] += story.wrap_up or 0
    elif story.end == "promised":
        row["otherwise"] += 1
    elif story.over - clock < 5_000:
        row["short_abandoned"] += 1
    else:
        row["abandoned"] += 1


def agents(day: Day) -> Counted:
    """Every offer to an agent."""
    rows: Counted = defaultdict(Counter)
    words = {
        "ANSWERED": "answered",
        "NO_ANSWER": "no_answer",
        "REJECTED": "rejected",
        "BUSY": "failed",
        "UNREGISTERED": "failed",
        "CALLER_GONE": "withdrawn",
    }
    for story in day.stories:
        for offer in story.offers:
            row = rows[offer.agent, _at(offer.reserved)]
            row["offers"] += 1
            row[words[offer.outcome]] += 1
            if offer.answered is not None:
                row["ring_ms"] += offer.answered - offer.rang
                row["handled"] += 1
                row["talk_ms"] += story.over - offer.answered
                row["wrap_up_ms"] += story.wrap_up or 0
    return rows


def times(shift: Shift, until: int) -> Counted:
    """Milliseconds by state and reason, ticked off one by one."""
    names = sorted({(state, reason) for state, reason, _ in shift.states})
    clock = np.full(until, len(names), dtype=np.int8)
    for state, reason, since in shift.states:
        clock[since:] = names.index((state, reason))
    rows: Counted = {}
    for start in range(0, until, HALF_HOUR):
        ticks = np.bincount(clock[start : start + HALF_HOUR], minlength=len(names) + 1)
        spent = Counter({f"{state}|{reason}": int(ticks[code]) for code, (state, reason) in enumerate(names)})
        rows[shift.agent, _at(start)] = +spent
    return rows
