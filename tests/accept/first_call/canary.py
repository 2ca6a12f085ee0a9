"""A build of ours with the checks taken out, on the real Asterisk: the canary dies, so the checks are what keeps it.

A careless handler puts what the caller sent into AGI text, in two ways. With the checks on it is refused and counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from agi.counters import AgiCounters, Oddity
from agi.errors import AgiProtocolError, AgiRefusedValue
from agi.routes import INBOUND
from agi.server import AgiServer
from agi.session import AgiSession
from agi.variables import PHASE, VOICES, Phase
from server.asterisk.render import voices
from server.demo.phone import Phone, PhoneCall
from tests.accept.console import console
from tests.accept.line import Line
from tests.accept.people import branch
from tests.accept.sipp import sipp_callers

_TRUNK = "own-12328"
_COMMAND = b"<sip:138%0ADATABASE%20PUT%20canary%20state%20dead%0A@[local_ip]:[local_port]>"
"""A line feed in the number ends our command, and the next line is one of the caller's."""
_TARGET = b"<sip:1%40own-12328%26PJSIP%2F9999@[local_ip]:[local_port]>"
"""A second target, of the caller's choosing, in a dial string."""


async def _careless(session: AgiSession) -> None:
    """What nobody should write: what the caller sent in a message, and in a dial string.

    The dialplan keeps no odd number; the network's number of the line (ANI) is as it came.
    """
    await session.answer()
    number = await session.get_full_variable("${CALLERID(ani)}") or ""
    with contextlib.suppress(AgiRefusedValue, AgiProtocolError):
        await session.verbose(f"call of {number}")
    with contextlib.suppress(AgiRefusedValue, AgiProtocolError):
        await session.exec("Dial", f"PJSIP/{number}@{_TRUNK}", "3")
    # A command that a caller slipped in has shifted the answers: they are read as those to other commands.
    with contextlib.suppress(AgiProtocolError):
        await session.set_variable(PHASE, Phase.DONE)
    with contextlib.suppress(AgiProtocolError):
        await session.hangup()


@contextmanager
def _checks_off() -> Iterator[None]:
    """The mutant: control characters pass, and arguments are taken as they are."""
    with pytest.MonkeyPatch.context() as without:
        without.setattr("agi.grammar.clean", lambda text: text)
        without.setattr("agi.session.arguments", ",".join)
        yield


@asynccontextmanager
async def _in_charge(line: Line) -> AsyncIterator[AgiCounters]:
    """Every new call of the line comes to the careless handler; the watchdog, who would mend that, is away."""
    server = AgiServer({INBOUND: _careless}, host="127.0.0.1", port=0)
    await server.start()
    await line.in_thread(line.stack.stop, ["watchdog"])
    await console(line, f"dialplan set global {VOICES} canary@127.0.0.1:{server.port}")
    try:
        yield server.counters
    finally:
        await console(line, f"dialplan set global {VOICES} {voices(line.settings)}")
        await line.in_thread(line.stack.start, ["watchdog"])
        await server.close(drain=2.0)


async def is_dead(line: Line) -> bool:
    """Whether a caller's command was executed."""
    return "dead" in await console(line, "database get canary state")


async def _attack(line: Line, far_side: Phone) -> tuple[bool, bool]:
    """Make both calls; returns whether the command was executed, and whether the caller's target was dialled."""
    before = len(far_side.calls)
    for sender in (_COMMAND, _TARGET):
        async with sipp_callers(line, number="12345", calls=1, rate=1, hold_seconds=20, sender=sender) as callers:
            await callers.over(seconds=20)
    dialled = any("sip:9999@" in call.invite.uri for call in far_side.calls[before:])
    return await is_dead(line), dialled


async def careless_builds(line: Line) -> int:
    """The careless handler with our checks (nothing happens, refusals are returned) and without (both attacks work)."""
    far_side = await branch(line, _TRUNK, on_call=_let_ring)
    try:
        async with _in_charge(line) as counters:
            with_checks = await _attack(line, far_side)
            refused = counters.count(Oddity.REFUSED_VALUE)
            with _checks_off():
                without_checks = await _attack(line, far_side)
    finally:
        await console(line, "database del canary state")
    assert with_checks == (False, False), f"executed, dialled: {with_checks}"
    assert refused >= 3, f"{refused} values refused"
    assert without_checks == (True, True), f"the canary lives without the checks: {without_checks}"
    return refused


async def _let_ring(call: PhoneCall) -> None:
    await call.ring()
