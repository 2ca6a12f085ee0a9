"""Item 7: two Asterisk hosts serve one queue behind Kamailio; one loses its power in the middle of the day."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from server.asterisk.registrar import unregister
from server.demo.g711 import tone
from server.demo.phone import Phone, PhoneCall
from tests.accept.acd.floor import AGENT_TONE, CITIZEN_TONE
from tests.accept.first_call.basics import answered, ended, hears
from tests.accept.hosts import TwoHosts, two_host_line
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, citizen, desk
from tests.accept.scenario import Scale

_WITHIN_SECONDS = 10.0
_CONNECT_SECONDS = 4.0
"""From dialling to being answered: a host that is gone costs Kamailio 1.5 s, once."""

_PAUSE_SECONDS = 0.8
"""Between two citizens."""


async def two_hosts(_line: Line, scale: Scale) -> str:
    """Item 7, on a site of its own."""
    # A host dies as a whole: how many processes it has does not matter.
    changes = {"acd": {"wrap_up_seconds": 0}, "voice": {"processes": 1}}
    async with two_host_line(changes=changes) as site:
        across = await _talk_across(site)
        stopped = await _one_is_stopped(site, scale)
    return f"{across}; {stopped}"


async def _serve(call: PhoneCall) -> None:
    await call.ring()
    call.audio.play(tone(AGENT_TONE, 1.0))
    await call.answer()
    await asyncio.sleep(1.0)  # a talk
    await call.hang_up()


async def _hold(call: PhoneCall) -> None:
    await call.ring()
    call.audio.play(tone(AGENT_TONE, 1.0))
    await call.answer()


async def _talk_across(site: TwoHosts) -> str:
    """One agent, registered with the second host; calls to both hosts. Each talk is heard both ways."""
    seat = await desk(site.second, "1001", "8001", on_call=_hold)
    came_to = set()
    for number in range(2):
        who = await citizen(site.line)
        call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
        at_seat = await asyncio.wait_for(seat.phone.incoming.get(), 20)
        await hears(at_seat, CITIZEN_TONE)
        await hears(call, AGENT_TONE)
        # Once the citizen ends it, once the agent.
        await (call if number else at_seat).hang_up()
        await ended(at_seat if number else call)
        told = await site.line.call_id_of(who.e164)
        assert (await site.line.story_of(told, until="ended")).summary.outcome == "answered"
        came_to.add(site.host_of(told).settings.asterisk.systemname)
        await seat.until_state("READY")
    assert len(came_to) == 2, f"both calls came to {came_to}"
    await seat.leave()
    return "talks within a host and across two"


@dataclass
class Caller:
    """A citizen, and what became of the call."""

    who: Citizen
    call: PhoneCall
    dialled: float
    again: bool = False


@dataclass
class Day:
    """Citizens who call one after the other, and what the agents' states were meanwhile (monotonic, state)."""

    site: TwoHosts
    callers: list[Caller] = field(default_factory=list)
    states: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    async def calls(self) -> None:
        """A citizen every moment, until cancelled."""
        while True:
            await self.one_calls()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def one_calls(self, *, again: bool = False) -> None:
        who = await citizen(self.site.line)
        call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
        self.callers.append(Caller(who, call, time.monotonic(), again))

    async def watch(self, seat: Desk) -> None:
        """Note the agent's state over and over, until cancelled."""
        seen = self.states.setdefault(seat.agent, [])
        while True:
            seen.append((time.monotonic(), await seat.state()))
            await asyncio.sleep(0.1)

    def since(self, seat: Desk, moment: float, *, until: float = float("inf")) -> set[str]:
        """The states of an agent in a span of time."""
        return {state for at, state in self.states[seat.agent] if moment <= at <= until}

    @asynccontextmanager
    async def goes_on(self, seats: list[Desk]) -> AsyncIterator[None]:
        """Citizens call and agents are watched during the block; whoever called is then waited for."""
        tasks = [asyncio.create_task(self.calls()), *(asyncio.create_task(self.watch(seat)) for seat in seats)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _one_is_stopped(site: TwoHosts, scale: Scale) -> str:
    here = [await desk(site.first, f"101{n}", f"801{n}", on_call=_serve) for n in (1, 2)]
    there = [await desk(site.second, f"102{n}", f"802{n}", on_call=_serve) for n in (1, 2)]
    day = Day(site)
    async with day.goes_on([*here, *there]):
        await asyncio.sleep(scale(60, 6))  # load
        await site.kill_second()
        killed = time.monotonic()
        for seat in there:
            seat.phone.drop()
        for seat in there:
            await seat.until_state("UNREACHABLE", seconds=_WITHIN_SECONDS)
        took = time.monotonic() - killed
        await site.kamailio_sees(first=True, second=False)
        await asyncio.sleep(scale(30, 4))  # load for one host
        moved = time.monotonic()
        for seat in there:
            seat.phone = await _register_behind_kamailio(site, seat)
        for seat in there:
            await seat.until_state("READY", "RESERVED", "RINGING", "TALKING", seconds=_WITHIN_SECONDS)
        back = time.monotonic() - moved
        # The dead host comes back, with the registrations it had, and takes no phone from where it is.
        await site.start_second()
        await site.kamailio_sees(first=True, second=True)
        await asyncio.sleep(scale(60, 12))  # load for both, past the second look at phones that moved
        over = time.monotonic()
    lost = await _all_are_served(day, killed)
    for seat in here:
        assert "UNREACHABLE" not in day.since(seat, killed), f"{seat.agent} of the host that went on was taken out"
    for seat in there:
        assert "UNREACHABLE" not in day.since(seat, moved + _WITHIN_SECONDS, until=over), "taken out by an old host"
        served = [call for call in seat.phone.calls if call.answered.is_set()]
        assert served, f"{seat.agent} was offered nothing after the move"
    await _no_offer_failed(site, [seat.agent for seat in there], within=time.monotonic() - moved)
    # And it leaves for good: no registration that the dead host still has makes it look reachable.
    await unregister(site.first.settings, there[0].extension)
    await there[0].until_state("UNREACHABLE", seconds=_WITHIN_SECONDS)
    for seat in (*here, *there):
        await seat.leave()
    return (
        f"{len(day.callers)} calls, {lost} ended with the host and called again; its agents unreachable after "
        f"{took:.1f} s, offerable {back:.1f} s after registering elsewhere"
    )


async def _register_behind_kamailio(site: TwoHosts, seat: Desk) -> Phone:
    password = site.line.phone_password(seat.extension)
    phone = await Phone(seat.extension, server=site.line.sip, password=password, on_call=_serve).start()
    await phone.register()
    return phone


async def _all_are_served(day: Day, killed: float) -> int:
    """Every call that was not on the dead host is answered by an agent. Who was on it calls again, and is served.
    Returns how many that were."""
    dead = [caller for caller in day.callers if caller.dialled < killed and not caller.call.ended.is_set()]
    lost = 0
    for caller in dead:
        call = await day.site.line.call_id_of(caller.who.e164, seconds=20)
        if day.site.host_of(call) is day.site.second:
            lost += 1
            caller.call.finish("self")
            day.callers.remove(caller)
            await day.one_calls(again=True)
    for caller in day.callers:
        await answered(caller.call)
        took = caller.call.log["answered"] - caller.dialled
        assert took < _CONNECT_SECONDS, f"a citizen heard nothing for {took:.1f} s"
        with contextlib.suppress(TimeoutError):
            await ended(caller.call, seconds=40)
        told = await day.site.line.call_id_of(caller.who.e164)
        story = await day.site.line.story_of(told, until="ended", seconds=20)
        assert story.summary.outcome == "answered", f"{told}: {story.summary.outcome}"
    return lost


async def _no_offer_failed(site: TwoHosts, agents: list[str], *, within: float) -> None:
    """From the journal: every offer to these agents became a talk, since they moved."""

    async def look() -> bool:
        rows = await database_rows(
            site.line,
            "select kind, count(*) as n from call_journal where agent = any($1) and kind in ('reserved', 'ended', "
            "'offer_failed') and at > now() - make_interval(secs => $2) group by kind",
            agents,
            within,
        )
        counts = {row["kind"]: row["n"] for row in rows}
        assert not counts.get("offer_failed"), f"offers to moved phones failed: {counts}"
        return bool(counts.get("ended"))

    await eventually(look, "the moved agents' talks are in the journal")
