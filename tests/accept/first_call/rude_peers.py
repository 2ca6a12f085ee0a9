"""Item 6: strangers on the FastAGI ports and callers with poisonous names and numbers, while a citizen talks."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from agi.counters import Oddity
from server.asterisk.layout import find
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from server.provision.programs import socket_of
from tests.accept.first_call import rude_wire
from tests.accept.first_call.basics import AGENT_TONE, CITIZEN_TONE, answered, ended, hears, next_call
from tests.accept.first_call.canary import careless_builds, is_dead
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sipp import sipp_callers
from tests.accept.sound import is_tone

_CANARY = "/tmp/hotline-canary"  # noqa: S108 - it must never come to be
_FROM = b"@[local_ip]:[local_port]>"
_POISON: dict[str, bytes] = {
    "GBK name": b'"' + "张三".encode("gbk") + b'" <sip:13811110002' + _FROM,
    "command in the name": b'"x\\"; System(touch ' + _CANARY.encode() + b')" <sip:13811110003' + _FROM,
    "function in the name": b'"${SHELL(touch ' + _CANARY.encode() + b')}" <sip:13811110004' + _FROM,
    "line feed in the number": b"<sip:138%0ADATABASE%20PUT%20canary%20state%20dead%0A" + _FROM,
    "events of AMI in the number": b"<sip:138%0D%0A%0D%0AEvent%3A%20Hangup%0D%0AUniqueid%3A%20@TALK@%0D%0A" + _FROM,
    "end of header in the number": b"<sip:138%0D%0A%0D%0A200%20result%3D1%0D%0AHANGUP%0D%0A" + _FROM,
    "& in the number": b"<sip:13811110005%26PJSIP%2F9999" + _FROM,
    ", in the number": b"<sip:13811110006,30,g" + _FROM,
    "function in the number": b"<sip:%24%7BSHELL(touch%20" + _CANARY.replace("/", "%2F").encode() + b")%7D" + _FROM,
}
_SPOILT = "AMI events that could not be read"
_ODD_NUMBERS = 6
"""Of them; Asterisk itself mends a name that is not UTF-8, and drops a request with a line end in a name."""
_ON_THE_WIRE = (
    Oddity.ODD_BYTES,
    Oddity.ODD_CALLER,
    Oddity.INJECTED_ENV,
    Oddity.EMPTY_CONNECTION,
    Oddity.HALF_OPEN,
    Oddity.HEADER_TOO_LARGE,
    Oddity.BAD_ENV,
    Oddity.UNKNOWN_ROUTE,
)


async def all_of_them(line: Line, scale: Scale) -> str:
    """Item 6."""
    seat = await desk(line, "1001", "8001")
    line.cleanup.append(seat.leave)
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
    at_seat = await next_call(seat)
    at_seat.audio.play(tone(AGENT_TONE, 1.0))
    await answered(call)
    await hears(at_seat, CITIZEN_TONE)
    await hears(call, AGENT_TONE)
    marks = call.audio.mark(), at_seat.audio.mark()
    times = scale(1_000, 200)
    await _on_the_wire(line, times, scale(60, 12))
    served = await _poisonous_callers(line, await line.call_id_of(who.e164))
    refused = await careless_builds(line)
    await hears(at_seat, CITIZEN_TONE)
    await hears(call, AGENT_TONE)
    _unbroken(call, marks[0], AGENT_TONE)
    _unbroken(at_seat, marks[1], CITIZEN_TONE)
    await _not_executed(line)
    await at_seat.hang_up()
    await ended(call)
    told = await line.story_of(await line.call_id_of(who.e164), until="ended")
    kinds = Counter(event.kind for event in told.events)
    assert kinds["answered"] == kinds["ended"] == 1, kinds
    return (
        f"{times} empty connections on each port, {served} poisonous calls answered, every reason counted; "
        f"{refused} values refused, without the checks both canaries die"
    )


async def _on_the_wire(line: Line, times: int, half_open: int) -> None:
    """Everything to every voice process at once; each of them counts each."""
    names = _voices(line)
    before = {name: await _oddities(line, name) for name in names}
    ports = range(line.settings.voice.fastagi_port, line.settings.voice.fastagi_port + len(names))
    async with asyncio.TaskGroup() as group:
        for port in ports:
            group.create_task(rude_wire.connect_and_close(port, times))
            group.create_task(rude_wire.half_open(port, half_open))
            group.create_task(rude_wire.large_headers(port))
            group.create_task(rude_wire.odd_headers(port))
    least = dict.fromkeys(_ON_THE_WIRE, 1) | {
        Oddity.EMPTY_CONNECTION: times,
        Oddity.HALF_OPEN: half_open,
        Oddity.HEADER_TOO_LARGE: 2,
        Oddity.BAD_ENV: 2,
    }
    for name in names:
        counted = await _oddities(line, name) - before[name]
        missed = {reason: counted[reason] for reason, count in least.items() if counted[reason] < count}
        assert not missed, f"{name} counted only {missed}"


async def _poisonous_callers(line: Line, talk: str) -> int:
    """Every one of them is answered by an agent, and no event about a call was spoilt."""
    names = _voices(line)
    before = sum([await _oddities(line, name) for name in names], Counter[str]())
    since = datetime.now(UTC)
    seats = [await desk(line, f"100{n}", f"800{n}", on_call=_take_briefly, screen=False) for n in (2, 3, 4)]
    for seat in seats:
        line.cleanup.append(seat.leave)
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(_poisonous_call(line, sender, talk)) for sender in _POISON.values()]
    for what, call in zip(_POISON, calls, strict=True):
        assert call.result() == 0, f"{what}: SIPp ended with {call.result()}"

    async def all_answered() -> bool:
        rows = await database_rows(line, "select answered_at from call where entered_at >= $1", since)
        return len([row for row in rows if row["answered_at"]]) >= len(_POISON)

    await eventually(all_answered, f"{len(_POISON)} poisonous calls are answered by agents", seconds=20)
    counted = sum([await _oddities(line, name) for name in names], Counter[str]()) - before
    assert counted[Oddity.ODD_CALLER] >= _ODD_NUMBERS, f"poisonous calls counted as {dict(counted)}"
    assert not counted[_SPOILT], f"{counted[_SPOILT]} AMI events spoilt by what callers sent"
    await _not_executed(line)
    return len(_POISON)


async def _poisonous_call(line: Line, sender: bytes, talk: str) -> int:
    sender = sender.replace(b"@TALK@", talk.encode())
    async with sipp_callers(line, number="12345", calls=1, rate=1, hold_seconds=90, sender=sender) as callers:
        await callers.until("released", 1, seconds=80)
        return await callers.over(seconds=10)


async def _take_briefly(call: PhoneCall) -> None:
    await call.ring()
    await call.answer()
    await asyncio.sleep(1.0)  # a talk
    await call.hang_up()


async def _not_executed(line: Line) -> None:
    root = find(line.settings).root or Path("/")
    for place in (Path(_CANARY), root / _CANARY.lstrip("/")):
        assert not place.exists(), f"{place} was made by what a caller sent"
    assert not await is_dead(line), "a command of a caller's was executed"


def _voices(line: Line) -> list[str]:
    return [f"voice-{number}" for number in range(1, line.settings.voice.processes + 1)]


async def _oddities(line: Line, process: str) -> Counter[str]:
    """Reason -> count, as the process itself tells on its health socket."""
    reader, writer = await asyncio.open_unix_connection(socket_of(line.settings, process))
    writer.write(b"metrics\n")
    text = (await asyncio.wait_for(reader.read(), 5.0)).decode()
    writer.close()
    found = re.findall(r'^hotline_agi_oddities_total\{reason="(\w+)"\} ([0-9.e+]+)$', text, re.MULTILINE)
    spoilt = re.findall(r"^hotline_ami_events_malformed_total\{.*\} ([0-9.e+]+)$", text, re.MULTILINE)
    return Counter({reason: int(float(count)) for reason, count in found}) + Counter(
        {_SPOILT: sum(int(float(count)) for count in spoilt)}
    )


def _unbroken(call: PhoneCall, since: int, frequency: float) -> None:
    """Every half second heard since then was this tone; and there still is sound."""
    heard = bytes(call.audio.heard[since:])
    pieces = [heard[at : at + 4_000] for at in range(0, len(heard) - 4_000, 4_000)]
    wrong = [number for number, piece in enumerate(pieces) if not is_tone(piece, frequency)]
    assert pieces
    assert not wrong, f"{len(wrong)} of {len(pieces)} half seconds were not {frequency:g} Hz"
    assert time.monotonic() - (call.audio.last_heard or 0.0) < 1.0, "sound has stopped"
