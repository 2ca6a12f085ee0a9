"""Item 9 on real phones: a round of a few tickets by visit agents, one by machine, and a click to dial.

The limits are those of the settings that ship. What lies between two attempts is not waited for: when nothing is due
the day is put back in the records, as if it had passed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from server.demo.phone import PhoneCall
from tests.accept.acd.callbacks import Carrier, open_carrier
from tests.accept.acd.floor import Floor, open_floor
from tests.accept.acd.office import Office, office
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Desk, citizen_number
from tests.accept.scenario import Scale
from tests.accept.talk.survey import Ear

At = Callable[[PhoneCall], Awaitable[None]]
_TALK_SECONDS = 1.2
_ATTEMPTS = 3


@dataclass(frozen=True)
class Behaviour:
    """What a citizen's phone does, call by call, and what is to become of the ticket."""

    name: str
    does: tuple[At, ...]
    outcomes: tuple[str, ...]
    state: str
    result: str | None = None


async def _answers(call: PhoneCall) -> None:
    await call.ring()
    await call.answer(sound=False)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(call.ended.wait(), _TALK_SECONDS)
    await call.hang_up()


def _says(status: int, reason: str) -> At:
    async def refuse(call: PhoneCall) -> None:
        await call.ring()
        await call.refuse(status, reason)

    return refuse


async def _rings(call: PhoneCall) -> None:
    await call.ring()


async def _no_such_number(call: PhoneCall) -> None:
    await call.refuse(404, "Not Found")


_BUSY, _NO = _says(486, "Busy Here"), _says(603, "Decline")

BEHAVIOURS = (
    Behaviour("answers", (_answers,), ("answered",), "done", "satisfied"),
    Behaviour("is busy, then answers", (_BUSY, _answers), ("busy", "answered"), "done", "dissatisfied"),
    Behaviour("has no such number", (_no_such_number,), ("unallocated",), "invalid"),
    Behaviour(
        "rings out, refuses, is busy", (_rings, _NO, _BUSY), ("no_answer", "rejected", "busy"), "unreachable"
    ),
    Behaviour("refuses, rings out, answers", (_NO, _rings, _answers), ("rejected", "no_answer", "answered"), "done",
              "very_satisfied"),
)  # fmt: skip
_SHORT = 4


async def rounds(line: Line, scale: Scale) -> str:
    """Item 9, in its three parts."""
    carrier = await open_carrier(line)
    admin = await office(line)
    await _make_visitors(line)
    floor = await open_floor(line, 2, ready=False)
    floor.usual = _at_own_phone
    clicked = await _click_to_dial(line, carrier, floor.seats[0])
    by_agents = await _by_agents(line, carrier, admin, floor, BEHAVIOURS[: scale(len(BEHAVIOURS), _SHORT)])
    by_machine = await _by_machine(line, carrier, admin, floor)
    return f"{clicked}; {by_agents}; {by_machine}"


async def _make_visitors(line: Line) -> None:
    """Agents 1001 and 1002 visit (回访员)."""
    await database_rows(
        line,
        """INSERT INTO user_roles (user_id, role) SELECT user_id, 'visit_agent' FROM agent_profiles
           WHERE work_number IN ('1001', '1002') ON CONFLICT DO NOTHING""",
    )


async def _at_own_phone(seat: Desk, call: PhoneCall) -> None:
    """The agent takes the phone off the hook and talks until somebody hangs up."""
    await call.ring()
    await call.answer(sound=False)
    await asyncio.wait_for(call.ended.wait(), 60)


async def _replied_ticket(line: Line, seat: Desk, number: str) -> str:
    """A ticket the unit has replied to: its visit is due."""
    made = await seat.post(
        "/api/tickets", {"type": "complaint", "title": "路灯不亮", "content": "回访测试", "caller_number": number}
    )
    ticket = str(made["number"])
    await database_rows(line, "UPDATE ticket SET state = 'replied' WHERE number = $1", ticket)
    return ticket


async def _over(line: Line, call_out: int, *, seconds: float = 40) -> Any:
    async def look() -> Any:
        (row,) = await database_rows(line, "SELECT * FROM call_out WHERE id = $1", call_out)
        return row if row["closed_at"] is not None else None

    return await eventually(look, "the call out is over", seconds=seconds, every=0.1)


async def _click_to_dial(line: Line, carrier: Carrier, seat: Desk) -> str:
    """One's own phone first; the other sees the line's number; the ticket has the call and the agent wraps up."""
    number = citizen_number()
    carrier.plans[number] = _answers
    ticket = await _replied_ticket(line, seat, number)
    clicked = asyncio.get_running_loop().time()
    made = await seat.post("/api/calls-out", {"ticket": ticket})
    row = await _over(line, made["id"])
    assert (row["outcome"], row["agent"]) == ("answered", seat.agent), dict(row)
    (at_citizen,) = carrier.calls_to(number)
    own = seat.phone.calls[-1]
    assert own.log["answered"] < at_citizen.log["invite"], "the citizen was called before the agent was there"
    assert own.invite.get("answer-mode") == "Auto", "the own phone was not told to answer by itself"
    assert "12345" in at_citizen.invite.get("from"), "not our number on the citizen's phone"
    talk = at_citizen.log["ended"] - at_citizen.log["answered"]
    assert abs(row["talk_ms"] / 1000 - talk) < 0.3, f"{row['talk_ms']} ms of {talk:.2f} s"
    story = await line.story_of(made["call"], until="wrap_up")
    kinds = [event.kind for event in story.events]
    assert kinds.index("ringing") < kinds.index("call_out_dialled") < kinds.index("answered") < kinds.index("ended")
    linked = await database_rows(line, "SELECT 1 FROM ticket_call WHERE call_id = $1", made["call"])
    assert len(linked) == 1, "the ticket does not know of the call"
    frame = await seat.frame("call_out", call=made["call"])
    assert frame.body["ticket"] == ticket
    await seat.until_state("WRAP_UP", "NOT_READY")
    refused = await seat.http.post("/api/calls-out", json={"ticket": ticket})
    assert refused.status_code == 409, "called again at once"
    assert refused.json()["code"] == "call_out.not_allowed", refused.text
    return f"a click rang the own phone after {own.log['invite'] - clicked:.1f} s, the citizen after it"


async def _by_agents(line: Line, carrier: Carrier, admin: Office, floor: Floor, people: tuple[Behaviour, ...]) -> str:
    seats = floor.seats
    numbers = [citizen_number() for _ in people]
    tickets = [await _replied_ticket(line, seats[0], number) for number in numbers]
    for number, behaviour in zip(numbers, people, strict=True):
        carrier.plans[number] = _in_turn(behaviour.does)
    made = await admin.post("/api/rounds", {"name": "实机回访", "tickets": tickets})
    await admin.post(f"/api/rounds/{made['id']}/start")
    by_ticket = dict(zip(tickets, people, strict=True))
    for day in range(1, _ATTEMPTS + 1):
        await asyncio.gather(*(_works(line, seat, by_ticket) for seat in seats))
        if day < _ATTEMPTS:
            await _a_day_passes(line)
    items = {item["ticket"]: item for item in await admin.get(f"/api/rounds/{made['id']}/items")}
    for ticket, number, behaviour in zip(tickets, numbers, people, strict=True):
        item = items[ticket]
        assert (item["state"], item["result"]) == (behaviour.state, behaviour.result), (behaviour.name, item)
        rows = await database_rows(line, "SELECT outcome FROM call_out WHERE ticket = $1 ORDER BY id", ticket)
        assert tuple(row["outcome"] for row in rows) == behaviour.outcomes, (behaviour.name, rows)
        rang = carrier.calls_to(number)
        times = [(call.call_id, call.log) for call in rang]
        assert len(rang) == len(behaviour.does) == item["attempts"], (behaviour.name, item, times)
        (state,) = await database_rows(line, "SELECT state FROM ticket WHERE number = $1", ticket)
        # Each settles the visit; where nobody can be reached, the jobs process closes the ticket a moment later.
        assert state["state"] in ("visited", "closed"), behaviour.name

    async def finished() -> bool:
        told = await admin.get(f"/api/rounds/{made['id']}")
        return str(told["state"]) == "finished"

    await eventually(finished, "the round is finished", seconds=15)
    due = [item["ticket"] for item in await admin.get("/api/rounds/sms")]
    unreachable = [t for t, b in by_ticket.items() if b.state == "unreachable"]
    assert set(unreachable) <= set(due), "no SMS is due for who was not reached"
    report = await admin.get(f"/api/rounds/{made['id']}/report")
    return f"{report['total']} tickets in {report['attempts']} calls: {report['states']}"


def _in_turn(does: tuple[At, ...]) -> At:
    calls = iter(does)

    async def on_call(call: PhoneCall) -> None:
        await next(calls)(call)

    return on_call


async def _works(line: Line, seat: Desk, by_ticket: dict[str, Behaviour]) -> None:
    """Call what is due until nothing is."""
    while (item := await seat.post("/api/rounds/next")) is not None:
        call = await seat.post(f"/api/rounds/items/{item['id']}/start")
        row = await _over(line, call["id"])
        assert row["outcome"] != "agent_not_free", dict(row)
        if row["outcome"] == "answered":
            said = by_ticket[item["ticket"]].result
            await seat.post(f"/api/rounds/items/{item['id']}/outcome", {"result": said, "note": "已回访"})
        own = seat.phone.calls[-1]
        await asyncio.wait_for(own.ended.wait(), 20)


async def _a_day_passes(line: Line) -> None:
    """All that was done was done a day earlier."""
    await database_rows(
        line, "UPDATE call_out SET dialled_at = dialled_at - interval '1 day' WHERE dialled_at IS NOT NULL"
    )
    await database_rows(
        line,
        """UPDATE visit_item SET first_at = first_at - interval '1 day', last_at = last_at - interval '1 day',
                                 next_at = next_at - interval '1 day' WHERE state = 'waiting'""",
    )
    await database_rows(line, "UPDATE ticket_visit_attempt SET at = at - interval '1 day'")


async def _by_machine(line: Line, carrier: Carrier, admin: Office, floor: Floor) -> str:
    """One citizen presses 2 when all was said, one presses 0 and talks with an agent like everybody who calls us."""
    pressing, asking = citizen_number(), citizen_number()
    carrier.plans[pressing], carrier.plans[asking] = _presses("2", "survey.thanks"), _presses("0", "visit.to_agent")
    seat = floor.seats[0]
    tickets = [await _replied_ticket(line, seat, number) for number in (pressing, asking)]
    await seat.ready()
    made = await admin.post("/api/rounds", {"name": "自动回访", "mode": "ivr", "tickets": tickets})
    await admin.post(f"/api/rounds/{made['id']}/start")

    async def done() -> Any:
        items = await admin.get(f"/api/rounds/{made['id']}/items")
        return items if all(item["state"] == "done" for item in items) else None

    items = await eventually(done, "both citizens have answered by key", seconds=60, every=0.5)
    assert [item["result"] for item in items] == ["satisfied", "to_agent"], items
    call = await line.call_id_of(f"+86{asking}", seconds=20)
    story = await line.story_of(call, until="answered", seconds=40)
    assert story.summary.agent == seat.agent, story.summary
    (at_citizen,) = carrier.calls_to(asking)
    await at_citizen.hang_up()
    await line.story_of(call, until="ended")
    (row,) = await database_rows(
        line,
        """SELECT h.actor, h.details FROM ticket_history h JOIN ticket t ON t.id = h.ticket_id
           WHERE t.number = $1 AND h.action = 'visit'""",
        tickets[0],
    )
    assert row["actor"] == "ivr", dict(row)
    return "by machine: 2 is 满意 on the ticket, 0 is a call with an agent"


def _presses(key: str, then: str) -> At:
    async def on_call(call: PhoneCall) -> None:
        await call.ring()
        await call.answer()
        ear = Ear(call)
        await ear.hears("visit.ask")
        await ear.hears("visit.levels")
        await call.audio.press(key)
        await ear.hears(then)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(call.ended.wait(), 90)

    return on_call
