"""One citizen's call from ring to ticket, on the line that runs, with everything real but the people."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from calls.story import CallStory, recent_calls, story
from hotline.database import Database
from hotline.errors import HotlineError, NotFound, PartUnavailable, SettingsError
from hotline.settings import Settings, settings_file
from server.commands.agent_requests import Requests
from server.demo.g711 import tone
from server.demo.people import EXPERT
from server.demo.phone import Phone, PhoneCall
from server.demo.seat import Seat, desk_phone, hang_up_the_phone, sip_server
from server.demo.tones import is_tone

LINE = "12333"
"""The hotline that is dialled: one with expert seats (专家座席)."""
CITIZEN = "13800000000"
"""The citizen's number as the carrier presents it. It is shown, never dialled."""
CITIZEN_TONE = 440.0
AGENT_TONE = 660.0

_ANSWER_SECONDS = 45.0
_SOUND_SECONDS = 8.0
_JOURNAL_SECONDS = 20.0
_BY_HAND_SECONDS = 600.0

Tell = Callable[[str], None]


class NoSound(HotlineError):
    """The call stood, but one side did not hear the other."""

    code = "demo.no_sound"


@dataclass(frozen=True, slots=True)
class Journey:
    """What the journal keeps of the call. `ticket` is the number of the ticket written, None when none was."""

    story: CallStory
    ticket: str | None


def carrier_address(settings: Settings) -> str:
    """The loopback address that the carrier's trunk calls from. Raises SettingsError when there is none."""
    for trunk in settings.asterisk.trunks:
        for address in trunk.identify if trunk.inbound else ():
            try:
                network = ip_network(address, strict=False)
            except ValueError:
                continue
            if network.is_loopback:
                return str(network[0])
    raise SettingsError(
        "no trunk whose calls are citizens' calls comes from this machine, so no test call can be placed",
        remedy=f'add to {settings_file()}: [[asterisk.trunks]] name = "carrier" contact = "127.0.0.2:5060" '
        'identify = ["127.0.0.2"] inbound = true; then: hotline asterisk apply',
    )


async def worked(
    settings: Settings, database: Database, requests: Requests, *, extension: str, talk_seconds: float, tell: Tell
) -> Journey:
    """The whole call with an agent of ours: `requests` is logged in as 2001, an expert of 12333.

    Raises HotlineError with what to do about it. Nobody is signed in and no phone registered afterwards.
    """
    async with AsyncExitStack() as leaving:
        seat = await Seat.open(settings, requests, agent=EXPERT, extension=extension)
        leaving.push_async_callback(seat.leave)
        await seat.ready()
        tell(f"agent {EXPERT}, an expert of {LINE}, is signed in at extension {extension} and ready 示闲")
        began = time.monotonic()
        call = await _citizen(settings, leaving)
        tell(f"a citizen dials {LINE} and hears the greeting 问候")
        at_seat = await _rings(call, seat.phone, seconds=_ANSWER_SECONDS)
        at_seat.audio.play(tone(AGENT_TONE, 1.0))
        pop = await seat.frame("pop", since=began)
        tell("the pop 弹屏 is on the agent's screen, and the phone rings 振铃")
        await _talking(call, at_seat)
        tell("answered 接听, and both hear each other")
        heard = time.monotonic()
        ticket = await _write_ticket(requests, pop.body)
        tell(f"ticket 工单 {ticket} is written and linked to the call")
        await asyncio.sleep(max(0.0, talk_seconds - (time.monotonic() - heard)))
        await at_seat.hang_up()
        await seat.frame("call_ended", since=began)
        tell("the agent hangs up 结束")
    return Journey(await kept(database, pop.body["call"], "ended", "ticket"), ticket)


async def by_hand(
    settings: Settings, database: Database, *, extension: str, talk_seconds: float, tell: Tell
) -> Journey:
    """A citizen and a desk phone only: whoever works as 2001 in `hotline agent` gets ready, sees the pop, writes."""
    async with AsyncExitStack() as leaving:
        phone = await desk_phone(settings, extension)
        leaving.push_async_callback(hang_up_the_phone, phone)
        tell(f"extension {extension} has a phone; it answers by itself")
        call = await _citizen(settings, leaving)
        tell(f"a citizen dials {LINE} and waits for an agent who is ready: at most {_BY_HAND_SECONDS / 60:.0f} minutes")
        at_seat = await _rings(call, phone, seconds=_BY_HAND_SECONDS)
        at_seat.audio.play(tone(AGENT_TONE, 1.0))
        await _talking(call, at_seat)
        tell(f"answered 接听, and both hear each other; they talk for {talk_seconds:g} s")
        await asyncio.sleep(talk_seconds)
        await at_seat.hang_up()
        tell("the agent hangs up 结束")
        told = await kept(database, await _newest(database), "ended")
    return Journey(told, next((event.attributes["ticket"] for event in told.events if event.kind == "ticket"), None))


async def kept(database: Database, call: str, *kinds: str, seconds: float = _JOURNAL_SECONDS) -> CallStory:
    """The call's story once PostgreSQL has a fact of each of these kinds. Raises PartUnavailable."""
    deadline = time.monotonic() + seconds
    while True:
        async with database.transaction() as session:
            try:
                told = await story(session, call)
            except NotFound:
                told = None
        if told is not None and {event.kind for event in told.events}.issuperset(kinds):
            return told
        if time.monotonic() > deadline:
            raise PartUnavailable(
                f"within {seconds:g} s PostgreSQL did not get the whole journal of call {call}",
                remedy="nothing is lost: the voice process keeps it in its spool. `hotline doctor`, then jobs.log "
                "in log/ under var_dir",
            )
        await asyncio.sleep(0.05)


async def _newest(database: Database) -> str:
    """The id of the citizen's newest call; the journal may be a moment behind."""
    deadline = time.monotonic() + _JOURNAL_SECONDS
    while True:
        async with database.transaction() as session:
            found = await recent_calls(session, caller=f"+86{CITIZEN}", limit=1)
        if found and found[0].ended_at is not None:
            return found[0].call_id
        if time.monotonic() > deadline:
            raise PartUnavailable("the journal has no end of this call", remedy="hotline doctor, then jobs.log")
        await asyncio.sleep(0.05)


async def _citizen(settings: Settings, leaving: AsyncExitStack) -> PhoneCall:
    """A citizen on the carrier's trunk has dialled. Raises PartUnavailable where the trunk's address is not ours."""
    phone = Phone(CITIZEN, server=sip_server(settings), host=carrier_address(settings))
    try:
        await phone.start()
    except OSError as error:
        raise PartUnavailable(
            f"{phone.host} cannot be used on this machine ({error.strerror})",
            remedy=f"give the inbound trunk in {settings_file()} a loopback address in `identify`",
        ) from None
    leaving.push_async_callback(phone.close)
    return await phone.call(LINE, sound=tone(CITIZEN_TONE, 1.0))


async def _rings(call: PhoneCall, phone: Phone, *, seconds: float) -> PhoneCall:
    """The agent's phone rings; or the citizen's call ended before, or nothing happened for too long."""
    incoming = asyncio.create_task(phone.incoming.get())
    gone = asyncio.create_task(call.ended.wait())
    try:
        await asyncio.wait({incoming, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if incoming.done():
            return incoming.result()
        if gone.done():
            raise PartUnavailable(
                f"Asterisk turned the call away (SIP {call.status or 'BYE'})",
                remedy="hotline asterisk check; the trunk with inbound = true must name the address in `identify`",
            )
        raise PartUnavailable(
            f"the agent's phone did not ring within {seconds:g} s"
            + ("" if call.log.keys() & {"trying", "answered"} else ": Asterisk does not answer"),
            remedy="hotline doctor; then voice-1.log, voice-2.log and asterisk.log in log/ under var_dir",
        )
    finally:
        incoming.cancel()
        gone.cancel()


async def _talking(call: PhoneCall, at_seat: PhoneCall) -> None:
    """Both hear each other. Raises NoSound."""
    await _hears("the agent", at_seat, CITIZEN_TONE)
    await _hears("the citizen", call, AGENT_TONE)


async def _hears(who: str, call: PhoneCall, frequency: float) -> None:
    """Wait until this side hears this tone for a quarter of a second. Raises NoSound."""
    try:
        async with asyncio.timeout(_SOUND_SECONDS):
            while not is_tone(await call.audio.hear(0.25), frequency):
                pass
    except TimeoutError:
        raise NoSound(
            f"{who} does not hear the other side",
            remedy="the RTP ports asterisk.rtp_start to rtp_end must be free of firewall rules on this machine",
        ) from None


async def _write_ticket(requests: Requests, pop: dict[str, Any]) -> str:
    ticket = await requests.post(
        "/api/tickets",
        {
            "type": "consult",
            "title": "社保卡补办咨询",
            "content": "演示来电：市民咨询社保卡遗失后如何补办。",
            "call": pop["call"],
            "caller_number": pop["caller"] or "",
            "unit_tag": pop["unit"] or "",
            "hotline": pop["dialled"],
        },
    )
    return str(ticket["number"])
