"""Progress by number and query code over REST: told once at intake, asked without a login, one answer to all that is
wrong."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request
from sqlalchemy import select

from directory.models import AuditRow
from hotline.settings import Progress
from hotline.settings import Web as WebKeys
from tests.web.conftest import CALL, Caller, Units
from ticketing.progress_words import NOT_FOUND, SENTENCES
from ticketing.vocabulary import State
from web.app import create_app
from web.public_limits import _address
from web.services import Services


@pytest.fixture
def services(services: Services) -> Services:
    """Quick answers; the limits as they are."""
    return replace(services, settings=services.settings.model_copy(update={"progress": Progress(answer_ms=0)}))


async def registered(desk: Caller, **fields: str) -> dict[str, str]:
    answer = await desk.post("/api/tickets", title="路灯不亮", **fields)
    assert answer.status_code == 201, answer.text
    told: dict[str, str] = answer.json()
    return told


async def ask(caller: Caller, number: str, code: str) -> httpx.Response:
    return await caller.post("/api/public/progress", number=number, code=code)


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_a_citizen_is_told_at_intake_and_asks_without_a_login(nobody: Caller) -> None:
    ticket = await registered(await nobody.as_("agent"))
    assert ticket["number"].endswith(ticket["typed_number"])
    assert ticket["typed_number"].isdecimal()
    for number in (ticket["number"], ticket["typed_number"], ticket["number"].lower()):
        answer = await ask(nobody, number, ticket["query_code"])
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["number"], told["stage"], told["stage_term"]) == (ticket["number"], "intake", "受理")
        assert told["sentence"] == SENTENCES[State.REGISTERED]
        # Neither who asked for it nor what it is about.
        assert set(told) == {"number", "stage", "stage_term", "sentence", "registered_at", "updated_at"}


async def test_the_code_is_told_once(nobody: Caller) -> None:
    desk = await nobody.as_("agent")
    first = await registered(desk, request_key="same-request")
    assert len(first["query_code"]) == 6
    assert (await registered(desk, request_key="same-request"))["query_code"] is None
    for path in (f"/api/tickets/{first['number']}", "/api/tickets"):
        answer = await desk.get(path)
        assert "query_code" not in answer.text
        assert first["query_code"] not in answer.text.replace(first["number"], "")


async def test_the_agents_frame_of_a_linked_ticket_does_not_hold_the_code(nobody: Caller, services: Services) -> None:
    """Frames are kept in Redis and sent again to a screen that comes back."""
    ticket = await registered(await nobody.as_("agent"), call=CALL)
    kept = [str(await services.redis.xrange(name)) async for name in services.redis.scan_iter("*", _type="stream")]
    assert any(ticket["number"] in one for one in kept)
    assert not any(ticket["query_code"] in one.replace(ticket["number"], "") for one in kept)


async def test_everything_wrong_is_one_answer(nobody: Caller) -> None:
    ticket = await registered(await nobody.as_("agent"))
    number, code = ticket["number"], ticket["query_code"]
    answers = [
        await ask(nobody, number, other(code)),
        await ask(nobody, "SMX20990101000001", code),
        *[await ask(nobody, number, other(code)) for _ in range(4)],
        # By now the ticket is locked, and the right code is as wrong as any.
        await ask(nobody, number, code),
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert (answers[0].json()["code"], answers[0].json()["detail"]) == ("progress.refused", NOT_FOUND)
    assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1


async def test_a_clerk_gives_a_new_code_which_lifts_the_lock(nobody: Caller, services: Services) -> None:
    ticket = await registered(await nobody.as_("agent"))
    number, code = ticket["number"], ticket["query_code"]
    for _ in range(5):
        assert (await ask(nobody, number, other(code))).status_code == 404
    assert (await ask(nobody, number, code)).status_code == 404
    visitor = await nobody.as_("visit_agent")
    answer = await visitor.post(f"/api/tickets/{number}/query-code", reason="市民本人来电，核对姓名地址")
    assert answer.status_code == 200, answer.text
    newer = answer.json()
    assert (newer["number"], newer["typed_number"]) == (number, ticket["typed_number"])
    assert (await ask(nobody, number, newer["query_code"])).status_code == 200
    if newer["query_code"] != code:
        assert (await ask(nobody, number, code)).status_code == 404
    async with services.database.transaction() as session:
        (row,) = (await session.scalars(select(AuditRow).where(AuditRow.action == "ticket.query_code"))).all()
    assert (row.actor, row.subject) == ("visit_agent", f"ticket:{number}")
    assert row.after == {"reason": "市民本人来电，核对姓名地址"}
    assert (await visitor.post("/api/tickets/SMX20990101000001/query-code", reason="x")).status_code == 404
    assert (await visitor.post(f"/api/tickets/{number}/query-code", reason=" ")).status_code == 422


@pytest.mark.parametrize(
    ("number", "code"),
    [("", "123456"), ("SMX20261121000001", "12345"), ("SMX20261121000001", "12345６"), ("x" * 41, "123456")],
)
async def test_what_has_not_the_form_is_not_looked_up_and_not_repeated(number: str, code: str, nobody: Caller) -> None:
    answer = await ask(nobody, number, code)
    assert answer.status_code == 422
    assert code not in answer.text
    assert not number or number not in answer.text


async def test_nothing_of_it_is_logged(nobody: Caller) -> None:
    ticket = await registered(await nobody.as_("agent"))
    number, code = ticket["typed_number"], ticket["query_code"]
    with structlog.testing.capture_logs() as logs:
        await ask(nobody, number, code)
        for _ in range(7):
            await ask(nobody, number, other(code))
    assert any(entry["event"] == "progress.locked" for entry in logs)
    assert not any(secret in str(logs) for secret in (number, code, other(code)))


@pytest.fixture
async def busy(services: Services, units: Units) -> FastAPI:
    """An application that answers three questions a minute."""
    settings = services.settings.model_copy(update={"web": WebKeys(public_per_minute=3)})
    return create_app(replace(services, settings=settings))


async def test_an_address_asks_so_often_in_a_minute(busy: FastAPI, services: Services) -> None:
    async def statuses(address: str, path: str, times: int) -> list[int]:
        transport = httpx.ASGITransport(busy, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://web") as http:
            answers = [await http.get(path, params={"q": "社保卡"}) for _ in range(times)]
        last = answers[-1]
        if last.status_code == 429:
            assert (last.json()["code"], last.headers["retry-after"]) == ("access.too_many", "60")
        return [answer.status_code for answer in answers]

    knowledge = "/api/public/knowledge"
    assert await statuses("192.0.2.1", knowledge, 5) == [200, 200, 200, 429, 429]
    assert await statuses("192.0.2.2", knowledge, 1) == [200]
    # One subscriber has all of a network in IPv6.
    assert await statuses("2001:db8:1:2::1", knowledge, 3) == [200] * 3
    assert await statuses("2001:db8:1:2:ffff::9", knowledge, 1) == [429]
    assert await statuses("2001:db8:1:3::1", knowledge, 1) == [200]
    assert await statuses("::ffff:192.0.2.1", knowledge, 1) == [429]
    names = " ".join([name async for name in services.redis.scan_iter("*public*")])
    assert "192.0.2" not in names
    assert all([0 < await services.redis.pttl(name) <= 60_000 async for name in services.redis.scan_iter("*public*")])


@pytest.mark.parametrize(
    ("client", "expected"), [(None, ""), (("testclient", 1), "testclient"), (("fe80::1%eth0", 1), "fe80::/64")]
)
def test_an_address_that_is_none_is_one_all_the_same(client: tuple[str, int] | None, expected: str) -> None:
    assert _address(Request({"type": "http", "client": client})) == expected
