"""Items 2 and 3: every number on its own path, changes of mode on a running line, and forwarded calls."""

from __future__ import annotations

import asyncio
import csv
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from directory import lines as directory_lines
from directory.demo import TRUNKS
from directory.hours import weekdays
from directory.modes import Mode, Platform
from hotline.clock import SystemClock
from media.store import PromptStore
from server.demo.g711 import tone
from server.demo.phone import Incoming, Phone, PhoneCall
from tests.accept.first_call.basics import answered, ended, hears
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, branch, citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sound import likeness

_LIST = Path(__file__).resolve().parents[3] / "directory" / "data" / "hotlines-sanmenxia.csv"
_HEARD = 0.8
_AT_ONCE = 8
_BRANCH_TONE = 1_000.0


@dataclass(frozen=True)
class Expected:
    """What requirements section 1 says for one number: who takes the call."""

    number: str
    unit: str
    mode: str
    taken_by: str
    """`general`, `expert-<number>` or a trunk's name."""


def expected_of_all() -> list[Expected]:
    """From the list itself, by the rules of the requirements, without our tables."""
    rows = list(csv.DictReader(_LIST.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 32, f"the list has {len(rows)} rows"
    found = []
    for row in rows:
        number, mode = row["number"], row["mode"]
        taken_by = "general"
        if mode == "dual" and row["platform"] == "ours" and row["expert_seats"] == "true":
            taken_by = f"expert-{number}"
        elif mode in ("branch", "emergency") or (mode == "dual" and row["platform"] == "own"):
            taken_by = TRUNKS[number]
        found.append(Expected(number, row["unit"], mode, taken_by))
    return found


class Floor:
    """Everybody who may take a call, so that a caller can ask who did."""

    def __init__(self, desks: list[Desk], trunks: dict[str, Phone]) -> None:
        self.desks = desks
        self.trunks = trunks

    async def taker_of(self, who: Citizen, *, seconds: float = 30.0) -> str:
        """The group or trunk that the caller's call came out at."""

        async def look() -> str | None:
            for seat in self.desks:
                for frame in seat.frames:
                    if frame.kind == "pop" and frame.body["caller"] == who.e164:
                        return str(frame.body["group"])
            for name, phone in self.trunks.items():
                if any(who.number in call.invite.get("from") for call in phone.calls):
                    return name
            return None

        taker: str = await eventually(look, f"somebody takes the call of {who.number}", seconds=seconds)
        return taker


async def _floor(line: Line, *, general: int) -> Floor:
    seats = [(str(1001 + i), str(8001 + i)) for i in range(general)]
    seats += [(str(2001 + i), str(8031 + i)) for i in range(4)]
    desks = []
    for agent, extension in seats:
        seat = await desk(line, agent, extension)
        line.cleanup.append(seat.leave)
        desks.append(seat)
    return Floor(desks, {name: await branch(line, name) for name in TRUNKS.values()})


async def _one_number(line: Line, floor: Floor, expected: Expected, turns: asyncio.Semaphore) -> None:
    async with turns:
        who = await citizen(line)
        call = await who.dial(expected.number)
        taker = await floor.taker_of(who)
        assert taker == expected.taken_by, f"{expected.number} came out at {taker}, not {expected.taken_by}"
        await answered(call)
        await asyncio.sleep(0.3)
        await call.hang_up()
        told = await line.story_of(await line.call_id_of(who.e164), until="ended", seconds=20)
    assert told.summary.line == expected.number
    assert told.summary.mode == expected.mode
    assert (told.summary.unit or "") == expected.unit, f"{expected.number} is tagged {told.summary.unit}"
    prompt = PromptStore().sound(f"greeting.{expected.number}")
    heard = likeness(bytes(call.audio.heard), prompt)
    if expected.mode == "emergency":
        # Nothing delays an emergency: its announcement plays while 110 rings, as far as it rings.
        routed = next(event for event in told.events if event.kind == "routed")
        assert routed.since_entry_ms < 1_000, f"{expected.number} went out after {routed.since_entry_ms} ms"
    else:
        assert heard > _HEARD, f"{expected.number}: its own greeting was not heard (likeness {heard:.2f})"


async def _fails_over(line: Line, floor: Floor, number: str, behaviour: Incoming | None, how: str) -> None:
    """A branch that does not take the call: the citizen reaches an agent here, at the place of entry."""
    trunk = floor.trunks[TRUNKS[number]]
    before = trunk.on_call
    if behaviour is not None:
        trunk.on_call = behaviour
    try:
        who = await citizen(line)
        call = await who.dial(number)
        found = [seat for seat in floor.desks if seat.agent.startswith("1")]
        since = time.monotonic()

        async def popped() -> bool:
            return any(
                frame.kind == "pop" and frame.body["caller"] == who.e164 for seat in found for frame in seat.frames
            )

        await eventually(popped, f"an agent takes {number} when the branch {how}", seconds=30)
        assert time.monotonic() - since < 30
        await call.hang_up()
        await ended(call)
    finally:
        trunk.on_call = before


async def _busy(call: PhoneCall) -> None:
    await call.refuse(486, "Busy Here")


async def _refuses(call: PhoneCall) -> None:
    await call.refuse(603, "Decline")


async def _silent(call: PhoneCall) -> None:
    await call.ring()


async def _closed(line: Line, floor: Floor, number: str) -> None:
    """Outside its hours the branch is not even rung."""
    now = SystemClock().now()
    yesterday = (now - timedelta(days=2)).isoweekday()
    async with line.database.transaction() as session:
        await directory_lines.define_schedule(
            session, "几乎不开", weekdays("00:00", "00:01", "Asia/Shanghai", (yesterday,)), now=now
        )
    async with line.database.transaction() as session:
        row = await directory_lines.get(session, number, "0398")
        await directory_lines.set_hours(session, row, "几乎不开", now=now)
    await asyncio.sleep(1.5)
    rung = len(floor.trunks[TRUNKS[number]].calls)
    try:
        await _fails_over(line, floor, number, None, "is closed")
        assert len(floor.trunks[TRUNKS[number]].calls) == rung, "a closed branch was rung"
    finally:
        async with line.database.transaction() as session:
            row = await directory_lines.get(session, number, "0398")
            await directory_lines.set_hours(session, row, None, now=now)


async def _changes_mode(line: Line, floor: Floor) -> None:
    """12366 becomes a merged number while a call is at the branch: before and after take their own path."""
    number, at_branch = "12366", floor.trunks[TRUNKS["12366"]]
    now = SystemClock().now()
    begins = now + timedelta(seconds=20)
    before = await citizen(line)
    talking = await before.dial(number, sound=tone(440, 1.0))
    async with line.database.transaction() as session:
        row = await directory_lines.get(session, number, "0398")
        await directory_lines.change_mode(
            session,
            row,
            Mode.MERGED,
            Platform.OURS,
            expert_seats=False,
            effective_from=begins,
            actor="test",
            now=now,
        )
    assert await floor.taker_of(before) == TRUNKS[number]
    # Every process knows of the change by now, and it has not begun.
    await asyncio.sleep(1.5)
    between = await citizen(line)
    short = await between.dial(number)
    assert await floor.taker_of(between) == TRUNKS[number], "before the change 12366 does not go to the branch"
    await short.hang_up()
    side = next(call for call in at_branch.calls if before.number in call.invite.get("from"))
    side.audio.play(tone(_BRANCH_TONE, 1.0))
    await asyncio.sleep(max(0.0, (begins - SystemClock().now()).total_seconds() + 0.2))
    after = await citizen(line)
    later = await after.dial(number)
    assert await floor.taker_of(after) == "general", "after the change 12366 still goes to the branch"
    # The call at the branch has not noticed.
    await hears(talking, _BRANCH_TONE)
    await hears(side, 440.0)
    for call in (talking, later):
        await call.hang_up()
    modes = {}
    for who in (before, after):
        told = await line.story_of(await line.call_id_of(who.e164), until="ended", seconds=20)
        modes[who.number] = told.summary.mode
    assert modes == {before.number: "branch", after.number: "merged"}
    kept = await database_rows(
        line,
        "select m.mode from hotline_modes m join hotlines h on h.id = m.hotline_id "
        "where h.number = $1 order by m.effective_from",
        number,
    )
    assert [row["mode"] for row in kept] == ["branch", "merged"], "history lost a mode"


async def every_number(line: Line, scale: Scale) -> str:
    """Item 2."""
    floor = await _floor(line, general=_AT_ONCE + 2)
    turns = asyncio.Semaphore(_AT_ONCE)
    everyone = expected_of_all()
    async with asyncio.TaskGroup() as group:
        for expected in everyone:
            group.create_task(_one_number(line, floor, expected, turns))
    ways: list[tuple[str, Incoming, str]] = [
        ("12367", _busy, "is busy"),
        ("12328", _refuses, "refuses"),
        ("12367", _silent, "is silent"),
    ]
    if scale.full:
        ways += [(n, b, h) for n in ("12366", "12328") for b, h in ((_busy, "is busy"), (_silent, "is silent"))]
        ways += [("12366", _refuses, "refuses"), ("12367", _refuses, "refuses")]
    for number, behaviour, how in ways:
        await _fails_over(line, floor, number, behaviour, how)
    await _closed(line, floor, "12367")
    await _changes_mode(line, floor)
    return f"{len(everyone)} numbers, {len(ways) + 1} ways a branch does not answer, one change of mode"


async def forwarded(line: Line, scale: Scale) -> str:
    """Item 3: a landline of the housing fund forwards to 12345, and its carrier tells so, or does not."""
    seat = await desk(line, "1001", "8001")
    line.cleanup.append(seat.leave)
    now = SystemClock().now()
    async with line.database.transaction() as session:
        fund = await directory_lines.get(session, "12385", "0398")
        await directory_lines.map_access_number(session, "0398-2828385", fund, "0398", now=now)
        await directory_lines.map_access_number(session, "0398-2810085", fund, "0398", now=now)
    await asyncio.sleep(1.5)
    ways: list[tuple[str, str, list[tuple[str, str]], str]] = [
        ("Diversion", "12345", [("diversion", "<sip:03982828385@carrier.example>;reason=unconditional")], "header"),
        (
            "History-Info",
            "12345",
            [
                (
                    "history-info",
                    "<sip:03982828385@carrier.example>;index=1, "
                    "<sip:12345@carrier.example?Reason=SIP%3Bcause%3D302>;index=1.1",
                )
            ],
            "header",
        ),
        ("the access number alone", "03982810085", [], "access_number"),
        ("somebody's own forwarding", "12345", [("diversion", "<sip:13912345678@carrier.example>")], "dialled"),
    ]
    for how, dialled, headers, known_by in ways:
        who = await citizen(line)
        call = await who.dial(dialled, headers=headers)
        told = await line.story_of(await line.call_id_of(who.e164), until="queued")
        entered = next(event for event in told.events if event.kind == "entered")
        wanted = "12345" if known_by == "dialled" else "12385"
        assert told.summary.line == wanted, f"by {how}: {told.summary.line}"
        assert entered.attributes["known_by"] == known_by, f"by {how}: {entered.attributes}"
        prompt = PromptStore().sound(f"greeting.{wanted}")
        assert likeness(bytes(call.audio.heard), prompt) > _HEARD, f"by {how}: not greeted as {wanted}"
        await call.hang_up()
        await seat.until_state("READY", seconds=20)
    return f"{len(ways)} ways"
