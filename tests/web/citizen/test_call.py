"""网页通话: the page without and with its script, permits and their limits, and the door of the line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from hotline.settings import WebCalls
from tests.web.citizen.reading import read
from tests.web.conftest import served
from tests.web.people import Units
from web.app import create_app
from web.browser import COOKIE
from web.services import Services
from web.web_calls.permits import NoPermit, Permits


@pytest.fixture
def limits() -> dict[str, Any]:
    return {}


@pytest.fixture
def app(services: Services, units: Units, limits: dict[str, Any]) -> FastAPI:
    keys = services.settings.model_copy(update={"web_calls": WebCalls(**({"enabled": True} | limits))})
    return create_app(replace(services, settings=keys, phone_password=lambda _: "secret"))


@pytest.fixture
def permits(app: FastAPI) -> Permits:
    return Permits(app.state.services)


class Browser:
    """A citizen's, at the page."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, number: str = "", *, headers: dict[str, str] | None = None, **changed: str) -> httpx.Response:
        page = await self.http.get("/public/call")
        token = self.http.cookies["hotline_form"]
        assert page.status_code == 200
        form = {"form_token": token, "website": "", "number": number} | changed
        return await self.http.post("/public/call/permit", data=form, headers=headers)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        yield Browser(http)


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_the_page_says_to_dial_and_its_script_may_use_the_microphone(browser: Browser) -> None:
    answer = await browser.http.get("/public/call")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert answer.headers["permissions-policy"] == "microphone=(self), camera=(), geolocation=()"
    document = read(answer.text, script=True)
    assert "hidden" not in document.one("div", id="dial").attributes
    assert "请直接拨打 12345" in document.one("div", id="dial").text
    assert "hidden" in document.one("div", id="call").attributes
    (script,) = document.all("script")
    assert script.attributes["type"] == "module"
    assert (await browser.http.get(script.attributes["src"])).status_code == 200
    assert {one.attributes["id"] for one in document.all("p", role="status")} == {"state", "keyed"}
    assert [one.attributes["data-key"] for one in document.all("button") if "data-key" in one.attributes] == list(
        "123456789*0#"
    )


async def test_a_permit_is_for_one_call_and_carries_the_number(browser: Browser, permits: Permits) -> None:
    answer = await browser.ask("139 0000 1111")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["user"], told["target"]) == ("web-call", "sip:12345@hotline.invalid")
    assert told["socket"] == f"/public/call/line?permit={told['password']}"
    taken = await permits.take(told["password"])
    assert taken.declared == "+8613900001111"
    with pytest.raises(NoPermit):
        await permits.take(told["password"])
    with pytest.raises(NoPermit):
        await permits.take("")


async def test_an_empty_number_is_none(browser: Browser, permits: Permits) -> None:
    assert (await permits.take((await browser.ask(" ")).json()["password"])).declared == ""


@pytest.mark.parametrize("number", ["110", "12345", "1", "abc", "4001234567", "+12025550100", "13900001111\r\nX: y"])
async def test_what_is_no_subscribers_number_is_refused_by_its_name(browser: Browser, number: str) -> None:
    assert refused(await browser.ask(number)) == (422, "number.invalid")


async def test_other_sites_and_other_forms_get_no_permit(browser: Browser) -> None:
    assert refused(await browser.ask(headers={"Origin": "https://evil.example"}))[0] == 403
    assert refused(await browser.ask(headers={"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert refused(await browser.ask(form_token="x"))[0] == 403
    assert refused(await browser.ask(website="x"))[0] == 403


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"at_once": 2}, "web_call.all_taken"),
        ({"per_address": 2}, "web_call.address_taken"),
        ({"per_hour": 2}, "web_call.too_often"),
    ],
)
async def test_the_third_call_is_one_too_many(browser: Browser, code: str) -> None:
    for _ in range(2):
        assert (await browser.ask()).status_code == 201
    answer = await browser.ask()
    assert refused(answer) == (429, code)
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("limits", [{"per_address": 1}])
async def test_a_place_is_free_again_when_the_call_is_over(browser: Browser, permits: Permits) -> None:
    taken = await permits.take((await browser.ask()).json()["password"])
    assert (await browser.ask()).status_code == 429
    await permits.let_go(taken)
    assert (await browser.ask()).status_code == 201


@pytest.mark.parametrize("limits", [{"at_once": 1}])
async def test_addresses_are_counted_apart_and_all_together(permits: Permits, services: Services) -> None:
    await permits.give("one", "")
    with pytest.raises(Exception, match="no further call"):
        await permits.give("two", "")
    # Nobody's address or number is a name in Redis: tags and tokens are.
    await services.redis.delete("{smx}:web-call:places")
    assert await permits.give("two", "")


@pytest.mark.parametrize("limits", [{"enabled": False}])
async def test_where_it_is_not_switched_on_the_page_says_to_dial(browser: Browser) -> None:
    answer = await browser.http.get("/public/call")
    document = read(answer.text)
    assert "网页通话没有开通" in document.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert refused(await browser.ask())[0] == 404
    assert "网页通话" not in (await browser.http.get("/public/")).text


@pytest.mark.parametrize(
    ("given", "status"),
    [({"origin": "https://evil.example"}, 403), ({"origin": None}, 403), ({"subprotocols": None}, 403), ({}, 403)],
)
async def test_the_door_of_the_line_is_shut_without_a_permit(
    app: FastAPI, given: dict[str, Any], status: int, permits: Permits
) -> None:
    token = "never-given" if not given else await permits.give("one", "")
    async with served(app) as port:
        arguments: dict[str, Any] = {"origin": f"http://127.0.0.1:{port}", "subprotocols": [Subprotocol("sip")]} | given
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"ws://127.0.0.1:{port}/public/call/line?permit={token}", **arguments):
                pass
    assert caught.value.response.status_code == status
    if given:
        # Whoever may not come in has not used it up.
        assert (await permits.take(token)).address == "one"


@pytest.mark.parametrize("user", ["supervisor", "admin"])
async def test_a_login_is_no_permit(app: FastAPI, user: str) -> None:
    async with served(app) as port:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(
                f"ws://127.0.0.1:{port}/public/call/line",
                origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
                subprotocols=[Subprotocol("sip")],
                additional_headers={"Cookie": f"{COOKIE}={user}"},
            ):
                pass
    assert caught.value.response.status_code == 403
