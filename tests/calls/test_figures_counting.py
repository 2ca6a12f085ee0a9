"""How single calls count: the borders of the definitions, and calls that no process of ours saw whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from calls.counting import NATIVE_QUEUE, Fact, count_call
from calls.facts import Entry, Kind, seq_at
from calls.figures import CallCounts, Disposition, Handling, Scope
from calls.history import Period, Step
from hotline.clock import to_ms
from tests.calls.figure_line import ZONE, FigureLine
from tests.calls.figure_stories import MORNING

K = Kind


def fact(kind: Kind, seconds: float, *, agent: str | None = None, about: str = "", **told: Any) -> Fact:
    return Fact(kind, MORNING + timedelta(seconds=seconds), round(seconds * 1000), about, agent, told)


ENTERED = fact(K.ENTERED, 0, line="12345")
GREETED = fact(K.GREETED, 3)
QUEUED = fact(K.QUEUED, 4, about="1", queue="general")


def shown(*facts: Fact) -> list[tuple[str, str, int | None, int | None]]:
    """Subject, disposition, wait and talk of each stay, in whatever order the facts come."""
    stays, _ = count_call(facts)
    for order in permutations(facts) if len(facts) < 6 else [facts[::-1]]:
        assert count_call(order)[0] == stays
    return [(stay.subject, stay.disposition.value, stay.waited_ms, stay.talk_ms) for stay in stays]


def test_a_call_that_is_not_over_waits() -> None:
    assert shown(ENTERED) == []
    assert shown(ENTERED, GREETED) == []
    assert shown(ENTERED, GREETED, QUEUED) == [("12345", "waiting", None, None), ("general", "waiting", None, None)]


def test_giving_up_during_the_greeting_is_no_offer() -> None:
    assert shown(ENTERED, GREETED, fact(K.ABANDONED, 3.5)) == [("12345", "early", None, None)]
    assert shown(ENTERED, fact(K.ABANDONED, 1)) == [("12345", "early", None, None)]


def test_the_clock_of_a_moved_call_goes_on() -> None:
    moved = fact(K.MOVED, 24, about="1", queue="enterprise")
    answered = fact(K.ANSWERED, 34, agent="1001", about="r")
    assert shown(ENTERED, QUEUED, moved, answered) == [
        ("12345", "answered", 30_000, None),
        ("general", "moved", 20_000, None),
        ("enterprise", "answered", 30_000, None),
    ]
    back = fact(K.MOVED, 30, about="2", queue="general")
    assert [one[:2] for one in shown(ENTERED, QUEUED, moved, back)] == [
        ("12345", "waiting"),
        ("general", "moved"),
        ("enterprise", "moved"),
        ("general", "waiting"),
    ]


def test_a_call_entered_again_elsewhere_has_not_moved() -> None:
    again = fact(K.QUEUED, 9, about="2", queue="general")
    gone = fact(K.ABANDONED, 14)
    assert shown(ENTERED, QUEUED, again, gone) == [
        ("12345", "abandoned", 10_000, None),
        ("general", "abandoned", 10_000, None),
    ]


def test_facts_of_older_processes_name_groups_only() -> None:
    old = fact(K.QUEUED, 4, about="1", groups=["expert-12333", "general"])
    assert [one[0] for one in shown(ENTERED, old)] == ["12345", "expert-12333"]
    assert [one[0] for one in shown(ENTERED, fact(K.QUEUED, 4, about="1"))] == ["12345", "general"]


def test_a_branch_that_answers_is_no_queue_of_ours() -> None:
    routed, answered = fact(K.ROUTED, 4, about="1.1", trunk="b"), fact(K.ANSWERED, 10, about="1.1", trunk="b")
    ended = fact(K.ENDED, 70, outcome="routed")
    stays, offers = count_call([ENTERED, routed, answered, ended])
    assert [(s.subject, s.disposition, s.waited_ms, s.talk_ms, s.elsewhere) for s in stays] == [
        ("12345", Disposition.ANSWERED, 6_000, 60_000, True)
    ]
    assert offers == []


def test_the_citizen_s_clock_of_a_branch_that_did_not_answer_began_there() -> None:
    routed, queued = fact(K.ROUTED, 4, about="1.1"), fact(K.QUEUED, 24, about="1", queue="general")
    answered = fact(K.ANSWERED, 30, agent="1001", about="r")
    assert shown(ENTERED, routed, queued, answered) == [
        ("12345", "answered", 26_000, None),
        ("general", "answered", 6_000, None),
    ]


def test_an_emergency_that_went_straight_out() -> None:
    directly = fact(K.ROUTED, 0.5, about="x", directly=True)
    bridged = fact(K.ANSWERED, 5, about="b", unattended=True)
    ended = fact(K.ENDED, 65, outcome="routed", directly=True)
    assert shown(fact(K.ENTERED, 0, line="120"), directly, bridged, ended) == [("120", "answered", 4_500, 60_000)]
    # The end is told before the beginning of the talk: there was a talk, its wait is not known.
    assert shown(fact(K.ENTERED, 0, line="120"), directly, ended) == [("120", "answered", None, None)]


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        ([fact(K.RINGING, 9, about="x", native_queue=True)], [("waiting", None)]),
        (
            [
                fact(K.RINGING, 9, about="x", native_queue=True),
                fact(K.ANSWERED, 12, agent="1001", about="b", unattended=True),
                fact(K.ENDED, 42, agent="1001", outcome="answered", read_back=True),
            ],
            [("answered", 12_000)],
        ),
        (
            [fact(K.ENDED, 90, outcome="callback_promised")],
            [("otherwise", 90_000)],
        ),
    ],
)
def test_what_the_native_queue_took_before_any_of_ours_is_offered(
    facts: list[Fact], seen: list[tuple[str, int | None]]
) -> None:
    told = shown(ENTERED, *facts)
    assert [one[0] for one in told] == ["12345", NATIVE_QUEUE]
    assert [one[1:3] for one in told] == seen * 2


def test_a_call_read_back_from_entry_to_end_was_in_the_native_queue() -> None:
    entered = fact(K.ENTERED, 0, line="12345", read_back=True)
    gone = fact(K.ABANDONED, 40, read_back=True)
    assert [one[:3] for one in shown(entered, gone)] == [
        ("12345", "abandoned", 40_000),
        (NATIVE_QUEUE, "abandoned", 40_000),
    ]
    assert [one[:2] for one in shown(ENTERED, gone)] == [("12345", "early")], "one of ours had it: in the greeting"


def test_a_call_without_its_entry_counts_for_its_queue_until_the_line_is_known() -> None:
    assert shown(QUEUED) == [("general", "waiting", None, None)]


def test_offers_to_agents() -> None:
    facts = [
        fact(K.RESERVED, 10, agent="1001", about="a"),
        fact(K.RINGING, 11, agent="1001", about="a"),
        fact(K.OFFER_FAILED, 31, agent="1001", about="a", outcome="NO_ANSWER"),
        fact(K.RESERVED, 31, agent="1002", about="b"),
        fact(K.OFFER_FAILED, 32, agent="1002", about="b", outcome="AGENT_WITHDRAWN"),
        fact(K.RESERVED, 33, agent="1003", about="c"),
        fact(K.RINGING, 34, agent="1003", about="c"),
        fact(K.ANSWERED, 38, agent="1003", about="c"),
        fact(K.ENDED, 98, agent="1003", outcome="answered"),
    ]
    _, offers = count_call([ENTERED, QUEUED, *facts])
    assert [(o.agent, o.handling, o.ring_ms, o.talk_ms) for o in offers] == [
        ("1001", Handling.NO_ANSWER, None, None),
        ("1002", Handling.WITHDRAWN, None, None),
        ("1003", Handling.ANSWERED, 4_000, 60_000),
    ]


def test_a_callback_is_its_agent_s_work_and_nobody_s_call() -> None:
    begun = [
        fact(K.CALLBACK, 0, of="ast1-1.1", line="12345"),
        fact(K.QUEUED, 1, about="1", queue="general"),
        fact(K.RESERVED, 10, agent="1001", about="a"),
        fact(K.RINGING, 11, agent="1001", about="a"),
        fact(K.CALLBACK_DIALLED, 15, agent="1001", about="a"),
    ]
    reached = [fact(K.ANSWERED, 25, agent="1001", about="a"), fact(K.ENDED, 85, agent="1001", outcome="answered")]
    missed = [fact(K.ENDED, 45, agent="1001", outcome="no_answer")]
    for facts, talk_ms in ((reached, 70_000), (missed, 30_000)):
        stays, (offer,) = count_call([*begun, *facts])
        assert stays == []
        assert (offer.handling, offer.ring_ms, offer.talk_ms) == (Handling.ANSWERED, 4_000, talk_ms)


def test_a_message_left_instead_of_waiting_is_neither_answered_nor_given_up() -> None:
    left = fact(K.ENDED, 44, outcome="message")
    assert [one[1:3] for one in shown(ENTERED, QUEUED, left)] == [("otherwise", 40_000)] * 2


def _entries(number: int, *facts: Fact) -> Iterator[Entry]:
    for one in facts:
        name = f"{one.kind}:{one.about}" if one.about else str(one.kind)
        at_ms = to_ms(one.at)
        yield Entry(
            f"ast1-1795222800.{number}",
            seq_at(at_ms),
            name,
            one.kind,
            at_ms,
            "ast1/voice-1",
            one.agent,
            dict(one.attributes),
        )


async def test_the_borders_of_the_definitions(figures: FigureLine) -> None:
    """15 s and 20 s are within, 5 s is no short abandon; a millisecond beside each is on the other side."""
    entries: list[Entry] = []
    waits = {"answered": (15.0, 15.001, 20.0, 20.001), "abandoned": (4.999, 5.0)}
    number = 0
    for waited in waits["answered"]:
        number += 1
        answered = fact(K.ANSWERED, 4 + waited, agent="1001", about="r")
        entries += _entries(number, ENTERED, QUEUED, answered)
    for waited in waits["abandoned"]:
        number += 1
        entries += _entries(number, ENTERED, QUEUED, fact(K.ABANDONED, 4 + waited))
    await figures.journal(entries)
    await figures.count()
    period = Period(MORNING, MORNING + timedelta(minutes=30), Step.HALF_HOUR, ZONE)
    counts = (await figures.by_call(Scope.QUEUE, of=period))["general", MORNING]
    assert counts == CallCounts(
        offered=6,
        answered=4,
        answered_promptly=1,
        answered_in_level=3,
        abandoned=1,
        short_abandoned=1,
        wait_ms=15_000 + 15_001 + 20_000 + 20_001,
    )


async def test_a_call_counts_where_it_was_offered_not_where_it_was_answered(figures: FigureLine) -> None:
    border = timedelta(minutes=30).total_seconds()
    queued = fact(K.QUEUED, border - 1, about="1", queue="general")
    on_it = fact(K.QUEUED, border, about="1", queue="general")
    answered = fact(K.ANSWERED, border + 10, agent="1001", about="r")
    await figures.journal([*_entries(1, ENTERED, queued, answered), *_entries(2, ENTERED, on_it, answered)])
    await figures.count()
    rows: dict[tuple[str, datetime], CallCounts] = await figures.by_call(Scope.QUEUE)
    assert {at - MORNING: counts.answered for (_, at), counts in rows.items()} == {
        timedelta(0): 1,
        timedelta(minutes=30): 1,
    }


async def test_a_line_learnt_late_moves_the_call_out_of_no_row(figures: FigureLine) -> None:
    await figures.journal(list(_entries(1, QUEUED)))
    await figures.count()
    assert await figures.by_call(Scope.HOTLINE) == {}
    await figures.journal(list(_entries(1, ENTERED, fact(K.QUEUED, 2, about="0", queue="night"))))
    await figures.count()
    assert {subject for subject, _ in await figures.by_call(Scope.HOTLINE)} == {"12345"}
    rows = {subject: counts for (subject, _), counts in (await figures.by_call(Scope.QUEUE)).items()}
    assert rows == {"night": CallCounts(offered=1, moved=1), "general": CallCounts(offered=1)}


async def test_an_interval_that_lost_its_last_call_is_gone(figures: FigureLine) -> None:
    late = fact(K.QUEUED, 1801, about="1", queue="general")
    await figures.journal(list(_entries(1, ENTERED, late)))
    await figures.count()
    assert [at - MORNING for _, at in await figures.by_call(Scope.QUEUE)] == [timedelta(minutes=30)]
    await figures.journal(list(_entries(1, fact(K.QUEUED, 100, about="0", queue="general"))))
    await figures.count()
    assert [at - MORNING for _, at in await figures.by_call(Scope.QUEUE)] == [timedelta(0)]
