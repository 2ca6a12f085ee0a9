"""Kind: real. What a real Asterisk says of the agent's leg when a talk ends: a BYE, a phone without power, a page that
is gone, and one that says goodbye for its phone before it hangs up. And what follows from each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from ami.client import AmiClient
from calls.parting import LegEnd, LegEnds, Next, TalkEnd, after_talk
from server.asterisk import secrets
from server.asterisk.layout import find
from server.demo.phone import Phone, PhoneCall
from tests.accept.console import console
from tests.accept.first_call.basics import answered
from tests.accept.line import SURVEYED, Line, eventually, running_line
from tests.accept.page_phone import PagePhone
from tests.accept.people import Desk, citizen, log_in
from tests.accept.talk.survey import Ear

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(200)]

SILENT_SECONDS = 3
"""`rtp_timeout` of every phone in this test; browser phones have 6."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site() -> AsyncIterator[Line]:
    """A line whose desk phones are given up like browser phones, and whose browser phones need no encryption."""
    async with running_line() as line:
        file = find(line.settings).etc / "pjsip.conf"
        text = file.read_text()
        text = text.replace("[desk](!,seat)\n", f"[desk](!,seat)\nrtp_timeout = {SILENT_SECONDS}\n")
        text = text.replace("rtp_timeout = 6\n", f"rtp_timeout = {SILENT_SECONDS}\n")
        file.write_text(text.replace("webrtc = yes\n", "").replace("dtls_auto_generate_cert = yes\n", ""))
        await console(line, "module reload res_pjsip.so")
        yield line


@pytest_asyncio.fixture(loop_scope="module")
async def line(site: Line) -> AsyncIterator[Line]:
    yield site
    await site.go_home()


@pytest_asyncio.fixture(loop_scope="module")
async def legs(line: Line) -> AsyncIterator[LegEnds]:
    """What a voice process hears of legs that end."""
    keys = line.settings.asterisk
    ami = AmiClient(host="127.0.0.1", port=keys.ami_port, user=keys.ami_user, secret=secrets.load(line.settings).ami)
    heard = LegEnds(ami)
    await ami.start()
    await ami.wait_connected(30)
    yield heard
    await ami.close()


@dataclass
class Talk:
    """A citizen and an agent in the middle of a talk."""

    call: PhoneCall
    call_id: str
    phone: Phone
    at_seat: PhoneCall

    async def is_judged(self, legs: LegEnds) -> tuple[LegEnd, Next]:
        """How the agent's leg ended, and what follows."""

        async def look() -> LegEnd | None:
            return legs.last_of(self.call_id)

        end: LegEnd = await eventually(look, "the agent's leg ends", seconds=30)
        return end, after_talk(TalkEnd(caller_here=True, cause=end.cause, phone_lost=end.phone_lost))


async def talk(line: Line, phone: Phone, agent: str) -> Talk:
    """Agent and citizen talk, both with sound."""
    http = httpx.AsyncClient(base_url=line.web, timeout=10.0, trust_env=False)
    seat = Desk(line, agent, phone.user, phone, http, await log_in(http, agent))
    line.cleanup.append(seat.leave)
    await phone.register()
    await seat.sign_in()
    await seat.ready()
    who = await citizen(line)
    call = await who.dial(SURVEYED)
    at_seat = await asyncio.wait_for(phone.incoming.get(), 30)
    await answered(call)
    await seat.until_state("TALKING")
    await call.audio.hear(0.5)
    return Talk(call, await line.call_id_of(who.e164), phone, at_seat)


async def desk_phone(line: Line, extension: str) -> Phone:
    return await Phone(extension, server=line.sip, password=line.phone_password(extension)).start()


async def test_an_agent_who_hangs_up(line: Line, legs: LegEnds) -> None:
    here = await talk(line, await desk_phone(line, "8001"), "1001")
    ear = Ear(here.call)
    await here.at_seat.hang_up()
    end, following = await here.is_judged(legs)
    assert (end.cause, end.phone_lost, following) == (16, False, Next.SURVEY)
    await ear.hears("survey.ask")
    await here.call.hang_up()


async def test_a_phone_without_power(line: Line, legs: LegEnds) -> None:
    here = await talk(line, await desk_phone(line, "8002"), "1002")
    ear = Ear(here.call)
    here.phone.drop()
    end, following = await here.is_judged(legs)
    assert (end.cause, following) == (44, Next.RING_AGAIN)
    await here.call.audio.hear(2.0)
    assert not ear.has("survey.ask")
    await here.call.hang_up()


async def test_a_page_whose_connection_is_gone(line: Line, legs: LegEnds) -> None:
    here = await talk(line, await PagePhone(line, "9001").start(), "1003")
    ear = Ear(here.call)
    here.phone.drop()
    end, following = await here.is_judged(legs)
    assert (end.cause, end.phone_lost, following) == (44, True, Next.RING_AGAIN)
    await here.call.audio.hear(2.0)
    assert not ear.has("survey.ask")
    await here.call.hang_up()


async def test_a_page_that_is_closed_in_order(line: Line, legs: LegEnds) -> None:
    """As JsSIP does it: the registration first, then a BYE, which alone would read like an agent who hung up."""
    here = await talk(line, await PagePhone(line, "9002").start(), "1004")
    ear = Ear(here.call)
    await here.phone.register(expires=0)
    await here.at_seat.hang_up()
    end, following = await here.is_judged(legs)
    assert (end.cause, end.phone_lost, following) == (16, True, Next.RING_AGAIN)
    assert not ear.has("survey.ask")
    await here.call.hang_up()
