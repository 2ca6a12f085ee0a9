"""Item 6: listen 监听, whisper 密语, barge 强插, take over 拦截, hang up 强拆: who hears whom, who may, and what is on
record, in a talk of two and in one that was held and so has moved to a conference."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx

from directory import audit
from server.demo.g711 import tone
from server.demo.phone import Incoming, Phone, PhoneCall, answer_at_once
from tests.accept.acd.heard import Listener
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import log_in
from tests.accept.scenario import Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, Talk, hears_exactly, hears_music, rung, talking

SUPERVISOR = THIRD
"""The tone of the supervisor's phone."""
_EXTENSIONS = {"3001": "8040", "3002": "8039"}
"""Login -> phone."""
_SILENCE_SECONDS = 0.5
"""While one is taken over; the listener looks every 0.1 s, on a busy machine less often."""


@dataclass
class Supervisor:
    """A supervisor (班长) with a phone."""

    http: httpx.AsyncClient
    phone: Phone
    extension: str

    async def ask(self, agent: str, command: str, *, status: int = 202, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"/api/floor/{agent}/{command}", json=body)
        assert answer.status_code == status, f"{command}: {answer.status_code} {answer.text}"
        told: dict[str, Any] = answer.json()
        return told

    async def phone_is(self, agent: str, command: str) -> None:
        await self.ask(agent, command, extension=self.extension)

    async def state(self, state: str, *, why: str = "", seconds: float = 10.0) -> None:
        """Wait until the floor says so of the own part."""
        own: dict[str, Any] | None = None

        async def look() -> bool:
            nonlocal own
            own = (await self.http.get("/api/floor")).json()["own"]
            return own is not None and own["state"] == state and own["why"] == why

        try:
            await eventually(look, "", seconds=seconds)
        except AssertionError:
            raise AssertionError(f"within {seconds:g} s: {state} {why}; the floor says {own}") from None


async def supervisor(line: Line, login: str = "3001", on_call: Incoming = answer_at_once) -> Supervisor:
    """One of the demonstration's supervisors, signed in to the pages, at a phone of their own."""

    async def take(call: PhoneCall) -> None:
        call.audio.play(tone(SUPERVISOR, 1.0))
        await on_call(call)

    extension = _EXTENSIONS[login]
    password = line.phone_password(extension)
    phone = await Phone(extension, server=line.sip, password=password, on_call=take).start()
    line.cleanup.append(phone.close)
    await phone.register()
    http = httpx.AsyncClient(base_url=line.web, timeout=10.0, trust_env=False)
    line.cleanup.append(http.aclose)
    await log_in(http, login)
    return Supervisor(http, phone, extension)


async def _hear(talk: Talk, at_phone: PhoneCall, *, citizen: set[float], agent: set[float]) -> None:
    """What each of the three hears; the supervisor always hears the two."""
    await asyncio.gather(
        hears_exactly(talk.citizen, *citizen, who="the citizen"),
        hears_exactly(talk.agent, *agent, who="the agent"),
        hears_exactly(at_phone, CITIZEN, AGENT, who="the supervisor"),
    )


async def _listens(talk: Talk, lead: Supervisor) -> PhoneCall:
    """The supervisor's phone is called, and hears the two."""
    await lead.phone_is(talk.seat.agent, "listen")
    at_phone = await rung(lead.phone)
    await lead.state("listening")
    await _hear(talk, at_phone, citizen={AGENT}, agent={CITIZEN})
    return at_phone


async def _whisper_and_barge(talk: Talk, lead: Supervisor, at_phone: PhoneCall) -> None:
    """From listening to whisper, barge, and back, in one call of the phone."""
    since = time.monotonic()
    for command, state, citizen, agent in (
        ("whisper", "whispering", {AGENT}, {CITIZEN, SUPERVISOR}),
        ("barge", "barged", {AGENT, SUPERVISOR}, {CITIZEN, SUPERVISOR}),
        ("listen", "listening", {AGENT}, {CITIZEN}),
    ):
        await lead.phone_is(talk.seat.agent, command)
        await lead.state(state)
        await _hear(talk, at_phone, citizen=citizen, agent=agent)
    shown = [frame.body["state"] for frame in talk.seat.frames if frame.kind == "supervised" and frame.at >= since]
    assert shown == ["whispering", "barged", "listening"], f"the agent was shown {shown}"


async def _into_a_conference(talk: Talk, lead: Supervisor, at_phone: PhoneCall) -> None:
    """A supervisor who has barged in goes along when the talk moves, through hold and back."""
    await lead.phone_is(talk.seat.agent, "barge")
    await lead.state("barged")
    await _hear(talk, at_phone, citizen={AGENT, SUPERVISOR}, agent={CITIZEN, SUPERVISOR})
    await talk.ask("hold")
    await talk.state("held")
    await hears_music(talk.citizen, who="the citizen")
    await talk.ask("retrieve")
    await talk.state("talking")
    await _hear(talk, at_phone, citizen={AGENT, SUPERVISOR}, agent={CITIZEN, SUPERVISOR})
    await lead.phone_is(talk.seat.agent, "listen")
    await lead.state("listening")
    await _hear(talk, at_phone, citizen={AGENT}, agent={CITIZEN})


async def _take_over(talk: Talk, lead: Supervisor, at_phone: PhoneCall) -> float:
    """The citizen is never alone: until the agent is out, the supervisor is in. Returns the longest silence the citizen
    heard in between, in seconds."""
    listener = Listener(talk.citizen)
    await lead.phone_is(talk.seat.agent, "take-over")
    await lead.state("talking")
    await asyncio.wait_for(talk.agent.ended.wait(), 5)
    await asyncio.gather(
        hears_exactly(talk.citizen, SUPERVISOR, who="the citizen"),
        hears_exactly(at_phone, CITIZEN, who="the supervisor"),
    )
    silent = listener.longest_silence()
    await listener.stop()
    assert silent <= _SILENCE_SECONDS, f"the citizen heard nothing for {silent:.1f} s"
    await talk.seat.until_state("WRAP_UP", "READY")
    await lead.ask(talk.seat.agent, "stop")
    await lead.state("ended", why="stopped")
    story = await talk.line.story_of(talk.id, until="ended", seconds=20)
    talks = [(event.kind, event.agent) for event in story.events if event.kind in ("answered", "ended")]
    assert talks == [("answered", talk.seat.agent), ("answered", "3001"), ("ended", "3001")], talks
    await talk.citizen.hang_up()
    await talk.seat.leave()
    return silent


async def _refused(talk: Talk, lead: Supervisor) -> None:
    """A supervisor of another team is refused; nothing rings, and it is on record."""
    for command in ("listen", "whisper", "barge", "take-over"):
        told = await lead.ask(talk.seat.agent, command, status=403, extension=lead.extension)
        assert told["code"] == "supervision.other_team"
    told = await lead.ask(talk.seat.agent, "hang-up", status=403, reason="x")
    assert told["code"] == "supervision.other_team"
    assert not lead.phone.calls
    rows = await database_rows(
        talk.line,
        "select after from audit_log where action = 'supervision.refused' and actor = '3002' and subject = $1",
        f"agent:{talk.seat.agent}",
    )
    assert len(rows) == 5, f"{len(rows)} refusals on record"


async def _on_record(talk: Talk, commands: list[str]) -> int:
    """Every command has its audit row, and the chain holds; returns how many rows it has."""
    rows = await database_rows(
        talk.line,
        "select action from audit_log where actor = '3001' and subject = $1 order by seq",
        f"agent:{talk.seat.agent}",
    )
    found = [row["action"].removeprefix("supervision.") for row in rows]
    assert found == commands, f"on record: {found}"
    async with talk.line.database.transaction() as session:
        return (await audit.verify(session)).seq


async def _hang_up(line: Line, lead: Supervisor) -> None:
    talk = await talking(line)
    await lead.ask(talk.seat.agent, "hang-up", reason="辱骂市民")
    await asyncio.wait_for(talk.agent.ended.wait(), 5)
    await asyncio.wait_for(talk.citizen.ended.wait(), 20)
    assert talk.citizen.ended_by == "remote", "after the thanks"
    steps = [fact for fact in await talk.told(["supervision"]) if fact["kind"] == "supervision"]
    assert [(step["state"], step["why"]) for step in steps] == [("hung_up", "辱骂市民")]
    await _on_record(talk, ["hang_up"])
    await talk.seat.leave()


async def _not_reached(talk: Talk, lead: Supervisor) -> None:
    """The supervisor's phone is busy: the talk does not notice."""

    async def busy(call: PhoneCall) -> None:
        await call.refuse(486, "Busy Here")

    lead.phone.on_call, before = busy, lead.phone.on_call
    await lead.phone_is(talk.seat.agent, "barge")
    await rung(lead.phone)
    await lead.state("ended", why="busy")
    lead.phone.on_call = before
    await talk.apart_never()


async def supervision(line: Line, scale: Scale) -> str:
    """Item 6."""
    stranger = await supervisor(line, "3002")
    talk = await talking(line)
    await _refused(talk, stranger)
    lead = await supervisor(line)
    await _not_reached(talk, lead)
    at_phone = await _listens(talk, lead)
    await _whisper_and_barge(talk, lead, at_phone)
    silences = [await _take_over(talk, lead, at_phone)]
    await _on_record(talk, ["barge", "listen", "whisper", "barge", "listen", "take_over", "stop"])

    talk = await talking(line)
    at_phone = await _listens(talk, lead)
    await _into_a_conference(talk, lead, at_phone)
    for _ in range(scale(3, 1)):
        await _whisper_and_barge(talk, lead, at_phone)
    silences.append(await _take_over(talk, lead, at_phone))

    talk = await talking(line)
    at_phone = await _listens(talk, lead)
    await talk.citizen.hang_up()
    await lead.state("ended", why="call_over")
    await asyncio.wait_for(at_phone.ended.wait(), 5)
    await talk.seat.leave()

    await _hang_up(line, lead)
    rows = await _on_record(talk, ["listen"])
    seen = " and ".join(f"{seconds:.1f} s" for seconds in silences)
    return f"a bridge and a conference, silence while taken over {seen}, 5 refusals, {rows} audit rows in the chain"
