"""Item 8: after the talk the citizen is asked how it was (满意度评价). Every key with real key tones, none at all, a
wrong one, a hang-up in the middle; what came of it is on the call, on its ticket and in the figures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from media.store import PromptStore
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import TALK_SECONDS, Floor, no_channels, open_floor
from tests.accept.acd.office import Office, office
from tests.accept.first_call.basics import answered, ended
from tests.accept.line import SURVEYED, Line, eventually
from tests.accept.people import Citizen, Desk, citizen
from tests.accept.scenario import Scale
from tests.accept.sound import best_match

SURE = 0.8
_SOUNDS = PromptStore()


class Ear:
    """What the citizen hears from the end of the talk on."""

    def __init__(self, call: PhoneCall) -> None:
        self._call = call
        self._since = call.audio.mark()

    def has(self, prompt: str) -> bool:
        """Whether this prompt was heard to its end."""
        return self._end_of(prompt) is not None

    async def hears(self, prompt: str, *, seconds: float = 25.0) -> None:
        """Wait for the end of a prompt; what comes after it is listened to next."""

        async def look() -> bool:
            # Beside the phones of all citizens, whose sound must go on meanwhile.
            return await asyncio.to_thread(self.has, prompt)

        await eventually(look, f"{prompt} is heard", seconds=seconds, every=0.5)
        self._since = self._end_of(prompt) or self._since

    def _end_of(self, prompt: str) -> int | None:
        alike, end = best_match(bytes(self._call.audio.heard[self._since :]), _SOUNDS.sound(prompt))
        return self._since + end if alike > SURE else None


Act = Callable[[PhoneCall, Ear], Awaitable[None]]
"""What a citizen does once the agent has hung up."""


@dataclass(frozen=True)
class Case:
    """A citizen, and what is to be kept of what they do."""

    name: str
    act: Act
    outcome: str = "rated"
    level: int | None = None
    reason: str | None = None
    answered_in_call: bool = True
    """The agent answers the demand at once (直接答复); else its ticket waits for a unit."""


def _keys(*pressed: str, asked: str = "survey.levels", goodbye: str = "survey.thanks") -> Act:
    """Press each key once the question before it has been read out."""

    async def act(call: PhoneCall, ear: Ear) -> None:
        await ear.hears(asked)
        for number, key in enumerate(pressed):
            if number:
                await ear.hears("survey.skip" if pressed[0] in "45" else "survey.levels")
            await call.audio.press(key)
        await ear.hears(goodbye)

    return act


async def _while_it_is_said(call: PhoneCall, ear: Ear) -> None:
    await ear.hears("survey.ask")
    await asyncio.sleep(0.5)
    await call.audio.press("1")
    await ear.hears("survey.thanks", seconds=5)
    assert not ear.has("survey.levels"), "the question went on after the key"


async def _says_nothing(call: PhoneCall, ear: Ear) -> None:
    await ear.hears("survey.silent")
    await ear.hears("survey.levels")
    await ear.hears("bye.thanks")


async def _hangs_up(call: PhoneCall, ear: Ear) -> None:
    await ear.hears("survey.ask")
    await call.hang_up()


async def _hangs_up_before_the_reason(call: PhoneCall, ear: Ear) -> None:
    await ear.hears("survey.levels")
    await call.audio.press("5")
    await ear.hears("survey.why")
    await call.hang_up()


CASES = (
    Case("key 1 while it is read out", _while_it_is_said, level=1),
    Case("key 2", _keys("2"), level=2),
    Case("key 3", _keys("3"), level=3),
    Case("key 4, reason 2", _keys("4", "2"), level=4, reason="skill"),
    Case("key 5, no reason", _keys("5", "0"), level=5),
    Case("a wrong key, then 2", _keys("9", "2"), level=2),
    Case("wrong twice", _keys("8", "0", goodbye="bye.thanks"), outcome="wrong_key"),
    Case("no key", _says_nothing, outcome="no_key"),
    Case("hung up in the middle", _hangs_up, outcome="hung_up"),
    Case("hung up before the reason", _hangs_up_before_the_reason, level=5),
    Case("key 1, a unit's ticket", _keys("1"), level=1, answered_in_call=False),
)
_SHORT = {"key 1 while it is read out", "key 4, reason 2", "a wrong key, then 2", "no key", "hung up in the middle"}

_WORDS = ("very_satisfied", "satisfied", "fairly_satisfied", "dissatisfied", "very_dissatisfied")


@dataclass
class Served:
    """A case after its talk."""

    case: Case
    who: Citizen
    call: str
    ticket: str
    seat: Desk


async def _talk(line: Line, floor: Floor, case: Case) -> Served:
    """One citizen from dialling to the end of the survey."""
    who = await citizen(line)
    at_desk: asyncio.Future[tuple[Desk, PhoneCall]] = asyncio.get_running_loop().create_future()

    async def take(seat: Desk, at_seat: PhoneCall) -> None:
        await at_seat.ring()
        await at_seat.answer(sound=False)
        if not at_desk.done():
            at_desk.set_result((seat, at_seat))

    floor.plans[who.number] = take
    call = await who.dial(SURVEYED)
    seat, at_seat = await asyncio.wait_for(at_desk, 60)
    await answered(call)
    await seat.until_state("TALKING")
    call_id = await line.call_id_of(who.e164)
    ticket = await _written_down(seat, who, call_id, case)
    await asyncio.sleep(TALK_SECONDS)
    ear = Ear(call)
    await at_seat.hang_up()
    # The agent is not kept by what the citizen does now.
    await seat.until_state("WRAP_UP", "READY", "RESERVED", "RINGING", "TALKING", seconds=5)
    await case.act(call, ear)
    await ended(call, seconds=10)
    return Served(case, who, call_id, ticket, seat)


async def _written_down(seat: Desk, who: Citizen, call: str, case: Case) -> str:
    demand = {"type": "consult", "title": "科技项目咨询", "call": call, "caller_number": who.e164}
    ticket = await seat.post("/api/tickets", demand)
    number, version = str(ticket["number"]), ticket["version"]
    if case.answered_in_call:
        await seat.post(f"/api/tickets/{number}/answer", {"version": version, "answer": "已告知申报时间。"})
    else:
        await seat.post(f"/api/tickets/{number}/actions", {"action": "accept", "version": version})
    return number


async def _kept(admin: Office, served: Served) -> None:
    """What is on the call and on the ticket."""
    case = served.case

    async def look() -> Any:
        return await admin.get(f"/api/calls/{served.call}/survey")

    answer = await eventually(look, f"{case.name}: the call has an answer", seconds=20, every=0.2)
    seen = (answer["outcome"], answer["level"], answer["reason"], answer["agent"], answer["line"])
    assert seen == (case.outcome, case.level, case.reason, served.seat.agent, SURVEYED), f"{case.name}: {seen}"
    if case.level is None:
        file = await admin.get(f"/api/tickets/{served.ticket}")
        assert "evaluate" not in [entry["action"] for entry in file["history"]], f"{case.name}: a ticket was evaluated"
        return
    verdict = "evaluated" if case.answered_in_call else "call_only"

    async def decided() -> Any:
        answers = await admin.get(f"/api/tickets/{served.ticket}/surveys")
        return [one for one in answers if one["verdict"] and one["follow_up"]]

    (on_ticket,) = await eventually(decided, f"{case.name}: the ticket knows", seconds=20, every=0.3)
    assert (on_ticket["verdict"], on_ticket["level"]) == (verdict, case.level), f"{case.name}: {on_ticket}"
    assert on_ticket["follow_up"] == ("promised" if case.level > 3 else "satisfied"), f"{case.name}: {on_ticket}"
    file = await admin.get(f"/api/tickets/{served.ticket}")
    evaluated = [entry["details"]["satisfaction"] for entry in file["history"] if entry["action"] == "evaluate"]
    assert evaluated == ([_WORDS[case.level - 1]] if case.answered_in_call else []), f"{case.name}: {evaluated}"
    if on_ticket["callback"]:
        await admin.post(f"/api/callbacks/{on_ticket['callback']}/cancel")


async def _counted(admin: Office, served: list[Served], since: datetime) -> str:
    """The figures say the same as the cases do."""
    period = {"from": since.isoformat(), "to": (since + timedelta(days=1)).isoformat(), "step": "whole"}
    answer = await admin.get("/api/figures/satisfaction", by="hotline", subject=SURVEYED, **period)
    levels = [one.case.level for one in served if one.case.level]
    satisfied = sum(level <= 3 for level in levels)
    total = answer["total"]
    assert (total["asked"], total["rated"], total["satisfied"]) == (len(served), len(levels), satisfied), total
    assert total["satisfaction"] == satisfied / len(levels)
    assert list(total["levels"].values()) == [levels.count(level) for level in range(1, 6)]
    by_agent = await admin.get("/api/figures/satisfaction", by="agent", **period)
    assert sum(row["rated"] for row in by_agent["rows"]) >= len(levels)
    return f"{satisfied} of {len(levels)} satisfied, {len(served)} asked"


async def survey(line: Line, scale: Scale) -> str:
    """Item 8."""
    since = datetime.now(UTC)
    cases = [case for case in CASES if scale.full or case.name in _SHORT]
    admin = await office(line)
    floor = await open_floor(line, scale(4, 3))
    at_once = asyncio.Semaphore(len(floor.seats))

    async def one(case: Case) -> Served:
        async with at_once:
            return await _talk(line, floor, case)

    served = await asyncio.gather(*(one(case) for case in cases))
    for one_served in served:
        await _kept(admin, one_served)
    counted = await _counted(admin, served, since)
    for seat in floor.seats:
        await seat.leave()
    await no_channels(line)
    return f"{', '.join(case.name for case in cases)}; {counted}"
