"""Recordings are found by time, agent, line and number, page by page; numbers stay masked and searches are audited."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from calls.models import CallRow, JournalRow
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from calls.ticket_links import TicketLinks
from directory import reads
from directory.models import Role
from directory.models.audit import AuditRow
from hotline import sealed
from hotline.clock import from_ms, to_ms
from tests.web.conftest import Caller
from ticketing.events import TicketLinked
from web.services import Services

BEGUN_MS = 1_763_761_005_000
HOUR_MS = 3_600_000
EVER = {"from": "2025-01-01T00:00:00Z"}
CITIZEN, OTHER = "+8613812345678", "+8613900001111"


async def _talk(
    services: Services, place: int, agents: list[str], line: str, *, caller: str = "", called: str = "", at: int = 0
) -> str:
    """A talk at a moment, or `place` hours after the first, with its recording; the id of its call."""
    call, at = f"ast1-1763761000.{place}", at or BEGUN_MS + place * HOUR_MS
    async with services.database.transaction() as session:
        session.add(
            CallRow(call_id=call, caller=caller or None, called=called or None, line=line, entered_at=from_ms(at))
        )
        for seq, agent in enumerate(agents, 1):
            session.add(
                JournalRow(
                    call_id=call,
                    seq=seq,
                    fact=f"answered/{seq}",
                    kind="answered",
                    at=from_ms(at),
                    process="x",
                    agent=agent,
                    attributes={},
                )
            )
        session.add(
            RecordingRow(
                call_id=call,
                segment=at,
                host="ast1",
                state=RecordingState.SEALED.value,
                started_ms=at,
                length_ms=1_000,
                peaks_citizen=b"\x01",
                peaks_others=b"\x02",
                retain_until=services.clock.now() + timedelta(days=30),
            )
        )
    return call


@pytest.fixture
async def talks(services: Services, units: object) -> list[str]:
    """Oldest first: 1001's; 1002's who took over from 1001; one that 1002 called out; one of nobody who is known."""
    return [
        await _talk(services, 0, ["1001"], "12345", caller=CITIZEN),
        await _talk(services, 1, ["1001", "1002"], "12333", caller=OTHER),
        await _talk(services, 2, ["1002"], "12345", called=CITIZEN),
        await _talk(services, 3, [], "12345"),
    ]


async def _found(somebody: Caller, /, **asked: object) -> list[str]:
    answer = await somebody.get("/api/recordings", **EVER | asked)
    assert answer.status_code == 200, answer.text
    return [one["call_id"] for one in answer.json()]


async def test_the_newest_first_with_masked_numbers_and_who_answered(nobody: Caller, talks: list[str]) -> None:
    shown = (await (await nobody.as_("supervisor")).get("/api/recordings", **EVER)).json()
    assert [one["call_id"] for one in shown] == talks[::-1]
    assert [one["agents"] for one in shown] == [[], ["1002"], ["1001", "1002"], ["1001"]]
    assert [one["line"] for one in shown] == ["12345", "12345", "12333", "12345"]
    assert [one["caller"] for one in shown] == [None, "138****5678", "139****1111", "138****5678"]
    assert shown[-1]["started_at"] == "2025-11-21T21:36:45Z"


async def test_they_are_narrowed_by_time_agent_and_line(nobody: Caller, talks: list[str]) -> None:
    auditor = await nobody.as_("auditor")
    second, third = (from_ms(BEGUN_MS + place * HOUR_MS).isoformat() for place in (1, 2))
    assert await _found(auditor, **{"from": second, "to": third}) == [talks[1]]
    assert await _found(auditor, **{"from": third}) == [talks[3], talks[2]]
    assert await _found(auditor, agent="1001") == [talks[1], talks[0]]
    assert await _found(auditor, agent="1002", line="12345") == [talks[2]]
    assert await _found(auditor, line="12333") == [talks[1]]
    assert await _found(auditor, line="12366") == []


async def test_without_a_beginning_the_last_month_is_looked_at_and_all_calls_of_a_number(
    services: Services, nobody: Caller, talks: list[str]
) -> None:
    auditor = await nobody.as_("auditor")
    now, day = services.clock.now(), timedelta(days=1)
    older, newer = [await _talk(services, 90 + n, ["1001"], "12345", at=to_ms(now - (32 - n) * day)) for n in (0, 2)]

    async def shown(**asked: object) -> list[str]:
        return [one["call_id"] for one in (await auditor.get("/api/recordings", **asked)).json()]

    assert await shown() == [newer]
    assert await shown(agent="1001") == [newer]
    assert await shown(agent="1001", to=(now - 2 * day).isoformat()) == [newer, older]
    assert await shown(caller="13812345678") == [talks[2], talks[0]]


async def test_the_tickets_of_a_call_are_told_once_each(services: Services, nobody: Caller, talks: list[str]) -> None:
    auditor = await nobody.as_("auditor")
    at = from_ms(BEGUN_MS)
    links = TicketLinks(database=services.database, process="x")
    for number in ("SMX20251121000001", "SMX20251121000002", "SMX20251121000001"):
        await links.linked(TicketLinked(call=talks[0], number=number, agent="1002", at=at))
        at += timedelta(seconds=1)
    for path in ("/api/recordings", f"/api/calls/{talks[0]}/recordings"):
        shown = (await auditor.get(path, **EVER)).json()[-1]
        assert (shown["call_id"], shown["agents"]) == (talks[0], ["1001"]), path
        assert shown["tickets"] == ["SMX20251121000001", "SMX20251121000002"], path
        assert (shown["caller"], shown["line"]) == ("138****5678", "12345"), path


async def test_a_number_is_found_in_any_form_whoever_called_and_the_search_is_audited_without_it(
    services: Services, nobody: Caller, talks: list[str]
) -> None:
    auditor = await nobody.as_("auditor")
    assert await _found(auditor, caller="138 1234 5678") == [talks[2], talks[0]]
    assert await _found(auditor, caller="13812345678", agent="1001") == [talks[0]]
    assert await _found(auditor, caller="13700000000") == []
    async with services.database.transaction() as session:
        await reads.chain(session)
        noted = list(await session.scalars(select(AuditRow).order_by(AuditRow.seq)))
    index = sealed.keys().index(CITIZEN).hex()
    searches = [(row.actor, row.after) for row in noted if row.action == "recordings.searched"]
    assert searches[0] == ("auditor", {"asked": {"caller": index}, "found": 2})
    assert [after["found"] for _, after in searches if after] == [2, 1, 0]


async def test_pages_go_on_without_one_twice_or_left_out(services: Services, nobody: Caller, talks: list[str]) -> None:
    auditor = await nobody.as_("auditor")
    answer = await auditor.get("/api/recordings", limit=3, line="12345", **EVER)
    assert "link" not in answer.headers
    answer = await auditor.get("/api/recordings", limit=2, line="12345", **EVER)
    assert [one["call_id"] for one in answer.json()] == [talks[3], talks[2]]
    following = answer.headers["link"].split(">")[0].lstrip("<")
    # A newer one comes meanwhile.
    await _talk(services, 9, ["1001"], "12345")
    rest = await auditor.request("GET", following)
    assert [one["call_id"] for one in rest.json()] == [talks[0]]
    assert "link" not in rest.headers


async def test_an_agent_finds_own_talks_only_and_only_if_that_is_the_policy(
    services: Services, nobody: Caller, talks: list[str]
) -> None:
    agent, second = await nobody.as_("agent"), await nobody.as_("second")
    refused = await agent.get("/api/recordings")
    assert (refused.status_code, refused.json()["code"]) == (403, "access.denied")
    assert (await agent.get("/api/auth/me")).json()["hears_own"] is False
    allowed = services.settings.model_copy(
        update={"recording": services.settings.recording.model_copy(update={"agents_may_hear": True})}
    )
    object.__setattr__(services, "settings", allowed)
    assert (await agent.get("/api/auth/me")).json()["hears_own"] is True
    assert (await (await nobody.as_("dispatcher")).get("/api/auth/me")).json()["hears_own"] is False
    assert await _found(agent) == [talks[1], talks[0]]
    assert await _found(second) == [talks[2], talks[1]]
    # Of another's talks only those that were one's own as well.
    assert await _found(agent, agent="1002") == [talks[1]]
    assert await _found(agent, caller="13812345678") == [talks[0]]


@pytest.mark.parametrize(
    "role", [role for role in Role if role.value not in {"supervisor", "auditor", "agent", "expert"}]
)
async def test_others_have_no_list(nobody: Caller, units: object, role: Role) -> None:
    assert (await (await nobody.as_(role.value)).get("/api/recordings")).status_code == 403


async def test_what_is_asked_wrongly_is_refused_in_words(nobody: Caller, talks: list[str]) -> None:
    assert (await nobody.get("/api/recordings")).status_code == 401
    auditor = await nobody.as_("auditor")
    for asked in ({"caller": "abc"}, {"agent": "工号"}, {"from": "yesterday"}, {"limit": 0}, {"cursor": "x"}):
        answer = await auditor.get("/api/recordings", **asked)
        assert answer.status_code == 422, asked
