"""`/sip` on a running Asterisk: a phone registers through it as its own extension, and as no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.asterisk import secrets
from tests.asterisk_fixtures import LiveAsterisk
from tests.web.people import PASSWORD
from tests.web.phone.sip_client import DOMAIN, WebPhone
from web.browser import COOKIE, CSRF_HEADER
from web.services import Services

pytestmark = pytest.mark.real


class Desk:
    """A signed-in page."""

    def __init__(self, http: httpx.AsyncClient, port: int, csrf: str) -> None:
        self.http, self.port, self.csrf = http, port, csrf

    async def phone(self, **params: str) -> dict[str, Any]:
        answer = await self.http.get("/api/phone", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def sign_out(self) -> None:
        answer = await self.http.delete("/api/session", headers={CSRF_HEADER: self.csrf})
        assert answer.status_code == 204

    @asynccontextmanager
    async def line(self, path: str, **given: Any) -> AsyncIterator[ClientConnection]:
        headers = {"Cookie": f"{COOKIE}={self.http.cookies[COOKIE]}"}
        arguments: dict[str, Any] = {"origin": f"http://127.0.0.1:{self.port}", "subprotocols": ["sip"]} | given
        async with connect(
            f"ws://127.0.0.1:{self.port}{path}", additional_headers=headers, open_timeout=120, **arguments
        ) as socket:
            yield socket

    @asynccontextmanager
    async def ringing(self, **params: str) -> AsyncIterator[WebPhone]:
        """A phone with the line that the page was told of."""
        told = await self.phone(**params)
        async with self.line(told["socket"]) as socket:
            yield WebPhone(socket, told["extension"], told["password"])


@asynccontextmanager
async def desk_of(port: int, user: str) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        answer = await http.post("/api/session", json={"user": user, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield Desk(http, port, answer.json()["csrf"])


async def closed(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(30):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


def contacts(asterisk: LiveAsterisk, extension: str) -> bool:
    return f"Contact:  {extension}/sip:" in asterisk.cli("pjsip show contacts")


async def test_a_phone_registers_and_is_gone_from_the_line_with_its_page(
    port: int, live_asterisk: LiveAsterisk
) -> None:
    async with desk_of(port, "web1") as desk:
        told = await desk.phone()
        assert (told["kind"], told["extension"], told["uri"]) == ("browser", "9001", f"sip:9001@{DOMAIN}")
        real = secrets.load(live_asterisk.settings).phone("9001")
        assert told["password"] not in (None, real)
        async with desk.ringing() as phone:
            assert phone.socket.subprotocol == "sip"
            assert await phone.register() == 200
            assert contacts(live_asterisk, "9001")
            # A phone calls nobody: Asterisk answers what it has for that, whoever asks.
            await phone.socket.send(phone.request("INVITE", to="12345"))
            assert (await phone.answer())[0] in (401, 403, 404, 488)


async def test_another_password_or_extension_gets_nowhere(port: int, live_asterisk: LiveAsterisk) -> None:
    async with desk_of(port, "web1") as desk, desk_of(port, "web2") as other:
        foreign = (await other.phone())["password"]
        for password in (foreign, "x"):
            async with desk.ringing() as phone:
                phone.password = password
                await phone.socket.send(phone.request())
                status, text = await phone.answer()
                assert status == 401
                challenge = next(line for line in text.split("\r\n") if line.lower().startswith("www-authenticate:"))
                await phone.socket.send(phone.request(proof=phone.proof(challenge.partition(":")[2])))
                assert await closed(phone.socket) == 4403
        async with desk.ringing() as phone:
            phone.extension = "9002"
            await phone.socket.send(phone.request())
            assert await closed(phone.socket) == 4403
        refused = await desk.http.get("/api/phone", params={"extension": "9002"})
        assert (refused.status_code, refused.json()["code"]) == (409, "phone.seat_taken")
    assert not contacts(live_asterisk, "9002")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": None}, 403),
        ({"subprotocols": None}, 403),
        ({"path": "/sip?extension=9002"}, 409),
        ({"path": "/sip?extension=8001"}, 409),
        ({"path": "/sip?extension=7777"}, 403),
        ({"path": "/sip?extension=x"}, 422),
    ],
)
async def test_the_door_is_shut_before_any_sip(port: int, given: dict[str, Any], status: int) -> None:
    given = dict(given)
    async with desk_of(port, "web1") as desk:
        with pytest.raises(InvalidStatus) as refused:
            async with desk.line(given.pop("path", "/sip"), **given):
                pass
    assert refused.value.response.status_code == status


@pytest.mark.parametrize("user", ["supervisor", "unit_handler"])
async def test_who_takes_no_calls_has_no_line(port: int, user: str) -> None:
    async with desk_of(port, user) as desk:
        assert (await desk.http.get("/api/phone")).status_code == 403
        with pytest.raises(InvalidStatus) as refused:
            async with desk.line("/sip?extension=9001"):
                pass
    assert refused.value.response.status_code == 403


async def test_nobody_without_a_session_has_a_line(port: int) -> None:
    async with desk_of(port, "web1") as desk:
        await desk.sign_out()
        desk.http.cookies.set(COOKIE, "nonsense")
        with pytest.raises(InvalidStatus) as refused:
            async with desk.line("/sip"):
                pass
    assert refused.value.response.status_code == 401


async def test_a_second_page_has_the_phone_and_the_first_is_told(port: int) -> None:
    async with (
        desk_of(port, "web1") as desk,
        desk_of(port, "web1") as second,
        desk.ringing() as first,
        second.ringing() as newer,
    ):
        assert await closed(first.socket) == 4409
        assert await newer.register() == 200


async def test_the_line_ends_with_the_session(port: int) -> None:
    async with desk_of(port, "web1") as desk, desk.ringing() as phone:
        assert await phone.register() == 200
        await desk.sign_out()
        assert await closed(phone.socket) == 4401


async def test_another_process_has_the_phone_by_now(port: int, services: Services) -> None:
    async with desk_of(port, "web1") as desk, desk.ringing() as phone:
        assert await phone.register() == 200
        await services.redis.set("{smx}:phone:9001", "1101 another")
        assert await closed(phone.socket) == 4409
    await services.redis.set("{smx}:phone:9001", "1102 another")
    async with desk_of(port, "web1") as desk:
        told = await desk.phone()
        async with desk.line(told["socket"]) as socket:
            assert await closed(socket) == 4409


async def test_two_messages_in_one_frame_go_no_further(port: int) -> None:
    async with desk_of(port, "web1") as desk, desk.ringing() as phone:
        await phone.socket.send("\r\n\r\n")  # a keep-alive is none
        await phone.socket.send(phone.request() + phone.request())
        assert await closed(phone.socket) == 4403


async def test_asterisk_away_is_said(app: FastAPI, port: int) -> None:
    with_asterisk: Services = app.state.services
    away = with_asterisk.settings.asterisk.model_copy(update={"http_port": 1})
    settings = with_asterisk.settings.model_copy(update={"asterisk": away})
    app.state.services = replace(with_asterisk, settings=settings)
    async with desk_of(port, "web1") as desk:
        told = await desk.phone()
        async with desk.line(told["socket"]) as socket:
            assert await closed(socket) == 1013
