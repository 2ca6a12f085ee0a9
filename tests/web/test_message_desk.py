"""Messages that agents take: one agent each, one ticket each, with the sound in the ticket's file."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave

import pytest
from sqlalchemy import select

from calls.callback_models import VoiceMessageRow
from calls.message_tickets import MessageTickets
from calls.models import JournalRow
from tests.web.conftest import CALL, Caller
from tests.web.people import Units
from tests.web.test_administration import audited
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from web.services import Services

PATH = "/api/message-desk"
SOUND = bytes(range(256)) * 40


@pytest.fixture
async def message(services: Services, units: Units) -> int:
    """A message of ten seconds that lies on this host."""
    folder = services.settings.var_dir / "messages"
    folder.mkdir()
    (folder / f"{CALL}.alaw").write_bytes(SOUND)
    row = VoiceMessageRow(
        call_id=CALL,
        caller="+8613812345678",
        line="12333",
        left_at=services.clock.now(),
        duration_ms=1280,
        host="ast1",
        sha256=hashlib.sha256(SOUND).hexdigest(),
    )
    async with services.database.transaction() as session:
        session.add(row)
    return row.id


async def test_an_agent_takes_hears_and_registers_a_message(services: Services, nobody: Caller, message: int) -> None:
    agent = await nobody.as_("agent")
    (shown,) = (await agent.get(PATH)).json()
    assert (shown["id"], shown["ticket"], "13812345678" in shown["caller"]) == (message, None, False)
    before = await agent.get(f"{PATH}/{message}/sound")
    assert (before.status_code, before.json()["code"]) == (403, "message.not_yours")
    taken = await agent.post(f"{PATH}/{message}/take")
    assert (taken.json()["taken_by"], taken.json()["caller"]) == ("1001", "+8613812345678")
    assert (await agent.post(f"{PATH}/{message}/take")).json() == taken.json()
    assert (await agent.get(PATH)).json() == []
    heard = await agent.get(f"{PATH}/{message}/sound")
    with wave.open(io.BytesIO(heard.content)) as file:
        assert file.getnframes() == len(SOUND)
    made = await agent.post(f"{PATH}/{message}/ticket", title="社保卡补办", type="consult", source="phone")
    assert made.status_code == 201, made.text
    ticket = made.json()
    assert (ticket["source"], ticket["hotline"], ticket["registered_by"]) == ("voice_message", "12333", "1001")
    again = await agent.post(f"{PATH}/{message}/ticket", title="社保卡补办")
    assert again.json()["number"] == ticket["number"]
    file_of = (await agent.get(f"/api/tickets/{ticket['number']}")).json()
    assert file_of["calls"] == [CALL]
    (attached,) = (await agent.get(f"/api/tickets/{ticket['number']}/attachments")).json()
    kept = await agent.get(f"/api/tickets/{ticket['number']}/attachments/{attached['id']}")
    assert (attached["name"], attached["kind"], kept.content) == ("留言录音.wav", "audio/wav", heard.content)
    async with services.database.transaction() as session:
        facts = (await session.scalars(select(JournalRow.fact).where(JournalRow.call_id == CALL))).all()
        assert [row.caller_number for row in await session.scalars(select(TicketRow))] == ["+8613812345678"]
    assert facts == [f"ticket:{ticket['number']}"]
    told = [one for one in await audited(await nobody.as_("auditor")) if one[1] == "message.heard"]
    assert told == [("1001", "message.heard", f"message:{message}")]


async def test_one_agent_has_a_message(nobody: Caller, message: int) -> None:
    agents = [await nobody.as_(name) for name in ("agent", "second", "supervisor")]
    answers = await asyncio.gather(*(one.post(f"{PATH}/{message}/take") for one in agents))
    assert sorted(one.status_code for one in answers) == [200, 409, 409]
    losers = [agent for agent, answer in zip(agents, answers, strict=True) if answer.status_code == 409]
    for loser in losers:
        assert (await loser.post(f"{PATH}/{message}/take")).json()["code"] == "message.taken"
        assert (await loser.post(f"{PATH}/{message}/ticket", title="x")).json()["code"] == "message.not_yours"
    assert (await losers[0].post(f"{PATH}/{2**40}/take")).json()["code"] == "message.not_found"


async def test_a_message_that_is_a_ticket_already_keeps_it(services: Services, nobody: Caller, message: int) -> None:
    site = services.settings.site
    jobs = MessageTickets(
        host="ast1",
        kept=services.settings.var_dir / "messages",
        database=services.database,
        desk=IntakeDesk(site=site.id, zone=site.timezone, area_code=site.area_code, clock=services.clock),
        transcriber=None,
        clock=services.clock,
        process="ast1/jobs",
    )
    assert await jobs.step() == 1
    agent = await nobody.as_("agent")
    taken = (await agent.post(f"{PATH}/{message}/take")).json()
    assert taken["ticket"]
    made = await agent.post(f"{PATH}/{message}/ticket", title="另写")
    assert (made.json()["number"], made.json()["title"]) == (taken["ticket"], "语音留言（12333）")
    attached = (await agent.get(f"/api/tickets/{taken['ticket']}/attachments")).json()
    assert [one["name"] for one in attached] == ["留言录音.wav"]
    assert await jobs.step() == 0


async def test_a_message_whose_sound_is_elsewhere_is_registered_all_the_same(
    services: Services, nobody: Caller, message: int
) -> None:
    (services.settings.var_dir / "messages" / f"{CALL}.alaw").unlink()
    agent = await nobody.as_("agent")
    await agent.post(f"{PATH}/{message}/take")
    made = await agent.post(f"{PATH}/{message}/ticket", title="社保卡补办")
    assert made.status_code == 201
    assert (await agent.get(f"/api/tickets/{made.json()['number']}/attachments")).json() == []
    assert (await agent.get(f"{PATH}/{message}/sound")).status_code == 404
