"""The agent's screen: pops in order, once each, confirmed; one live socket; resumed after a break."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from acd.model import CallRequest, Offer
from acd.queue_store import default_rules
from acd.service import Acd
from hotline.feed import inbox_key
from tests.web.conftest import CALL, SOON, Caller, redis_away, screen, served
from web import screen_beats
from web.app import create_app
from web.services import Services

VOICE = "ast1/voice-1"


async def _publish(services: Services, number: int, kind: str = "pop") -> str:
    return await services.feed.publish("1001", kind, {"call": CALL, "n": number}, reply_to=VOICE)


async def _notes(services: Services) -> list[dict[str, Any]]:
    return [json.loads(note) for note in await services.redis.lrange(inbox_key("smx", VOICE), 0, -1)][::-1]


async def test_a_pop_is_written_and_its_publisher_is_told(services: Services, nobody: Caller, port: int) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        hello = await shown.next()
        assert hello["kind"] == "hello"
        assert hello["body"]["resumed"] is False
        assert await services.feed.has_screen("1001")
        cursor = await _publish(services, 1)
        pop = await shown.next()
        assert pop == {"cursor": cursor, "kind": "pop", "body": {"call": CALL, "n": 1}}
        async with asyncio.timeout(SOON):
            popped = await services.blocking_redis.brpop([inbox_key("smx", VOICE)])
        note = json.loads(popped[1])  # type: ignore[index]
        assert (note["type"], note["agent"], note["cursor"]) == ("frame_written", "1001", cursor)


async def test_a_reconnect_with_the_last_cursor_loses_nothing_and_repeats_nothing(
    services: Services, nobody: Caller, port: int
) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        await shown.next("hello")
        for number in range(3):
            await _publish(services, number)
        seen = [(await shown.next())["body"]["n"] for _ in range(3)]
        cursor = shown.cursor
    for number in range(3, 6):
        await _publish(services, number)
    async with screen(port, agent.token, cursor) as shown:
        hello = await shown.next()
        assert (hello["kind"], hello["body"]["resumed"], hello["cursor"]) == ("hello", True, cursor)
        await _publish(services, 6)
        seen += [(await shown.next())["body"]["n"] for _ in range(4)]
    assert seen == list(range(7))


async def test_a_web_process_that_dies_and_comes_back_loses_nothing(
    services: Services, app: FastAPI, nobody: Caller
) -> None:
    agent = await nobody.as_("agent")
    async with served(app) as port, screen(port, agent.token) as shown:
        await shown.next("hello")
        await _publish(services, 0)
        await shown.next("pop")
        cursor = shown.cursor
    await _publish(services, 1)
    async with served(create_app(services)) as port, screen(port, agent.token, cursor) as shown:
        assert (await shown.next("pop"))["body"]["n"] == 1


async def test_a_second_session_takes_over_and_the_first_is_told(services: Services, nobody: Caller, port: int) -> None:
    first_login, second_login = await nobody.as_("agent"), await nobody.as_("agent")
    async with screen(port, first_login.token) as first:
        await first.next("hello")
        async with screen(port, second_login.token) as second:
            await second.next("hello")
            assert (await first.next())["kind"] == "taken_over"
            with pytest.raises(ConnectionClosed) as closed:
                await first.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4409
            assert await services.feed.has_screen("1001"), "the first's close must not switch the second's screen off"
            await _publish(services, 1)
            assert (await second.next())["kind"] == "pop"
    assert [note["type"] for note in await _notes(services)] == ["frame_written"], "only the live socket confirms"


async def test_a_takeover_works_across_web_processes(services: Services, app: FastAPI, nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    async with (
        served(app) as here,
        served(create_app(services)) as there,
        screen(here, agent.token) as first,
    ):
        await first.next("hello")
        async with screen(there, agent.token) as second:
            await second.next("hello")
            assert (await first.next())["kind"] == "taken_over"


async def test_an_old_takeover_does_not_hit_the_socket_that_resumes_over_it(
    services: Services, nobody: Caller, port: int
) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        cursor = (await shown.next("hello"))["cursor"]
    for _ in range(3):
        async with screen(port, agent.token, cursor) as shown:
            await shown.next("hello")
    async with screen(port, agent.token, cursor) as shown:
        await shown.next("hello")
        await _publish(services, 1)
        assert (await shown.next())["kind"] == "pop"


async def test_the_screen_goes_off_with_its_socket(services: Services, nobody: Caller, port: int) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        await shown.next("hello")
    async with asyncio.timeout(SOON):
        while await services.feed.has_screen("1001"):
            await asyncio.sleep(0)


async def test_changes_of_state_arrive_and_the_call_in_hand_is_shown_to_a_fresh_page(
    services: Services, line: Acd, nobody: Caller, port: int
) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        assert (await shown.next("hello"))["body"]["agent"] is None
        await line.device_state("8001", reachable=True, in_use=False)
        await agent.post("/api/agents/me/sign-in")
        signed_in = await shown.next("agent_state")
        assert (signed_in["body"]["state"], signed_in["body"]["extension"]) == ("NOT_READY", "8001")
        await agent.post("/api/agents/me/ready")
        assert (await shown.next("agent_state"))["body"]["state"] == "READY"
        now = services.clock.now_ms()
        await line.configure(default_rules(()), 1)
        await line.enqueue(CallRequest(CALL, now, VOICE, "general"))
        assert (await shown.next("agent_state"))["body"]["state"] == "RESERVED"
        message = await anext(line.inbox())
        assert Offer.from_message(message).agent == "1001"
        await _publish(services, 1)
        await shown.next("pop")
    async with screen(port, agent.token) as fresh:
        hello = (await fresh.next("hello"))["body"]
        assert hello["agent"]["state"] == "RESERVED"
        assert hello["pop"] == {"call": CALL, "n": 1}


async def test_an_agent_hears_only_of_itself(services: Services, line: Acd, nobody: Caller, port: int) -> None:
    agent, second = await nobody.as_("agent"), await nobody.as_("second")
    async with screen(port, agent.token) as shown:
        await shown.next("hello")
        await second.post("/api/agents/me/sign-in", extension="8002")
        await services.feed.publish("1002", "pop", {"n": 0})
        await _publish(services, 1)
        assert (await shown.next())["body"]["n"] == 1


async def test_logging_out_closes_the_sessions_screen_and_no_other(
    services: Services, nobody: Caller, port: int
) -> None:
    agent, elsewhere = await nobody.as_("agent"), await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        await shown.next("hello")
        await elsewhere.post("/api/auth/logout")
        await _publish(services, 1)
        assert (await shown.next())["kind"] == "pop"
        await agent.post("/api/auth/logout")
        error = await shown.next()
        assert (error["kind"], error["body"]["code"]) == ("error", "access.unauthenticated")
        with pytest.raises(ConnectionClosed) as closed:
            await shown.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first beat on: asked for before the application is served."""
    monkeypatch.setattr(screen_beats, "BEAT_SECONDS", 0.05)


@pytest.mark.usefixtures("quick_beats")
async def test_a_session_that_ended_by_itself_closes_its_screen(services: Services, nobody: Caller, port: int) -> None:
    agent, other = await nobody.as_("agent"), await nobody.as_("second")
    async with screen(port, agent.token) as shown, screen(port, other.token) as beside:
        await shown.next("hello")
        await beside.next("hello")
        async with services.database.transaction() as session:
            signed_in = await services.sessions.check(session, agent.token)
            await services.sessions.revoke(session, signed_in.session_id)
        error = await shown.next()
        assert (error["kind"], error["body"]["code"]) == ("error", "access.unauthenticated")
        await services.feed.publish("1002", "pop", {"n": 7})
        assert (await beside.next())["body"]["n"] == 7


async def test_redis_going_away_closes_the_screen_with_try_again_later(
    nobody: Caller, port: int, redis_url: str
) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        await shown.next("hello")
        async with redis_away(redis_url):
            error = await shown.next()
            assert (error["kind"], error["body"]["code"]) == ("error", "part.unavailable")
            with pytest.raises(ConnectionClosed) as closed:
                await shown.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013


async def test_a_cursor_from_the_future_is_not_resumed_but_frames_arrive(
    services: Services, nobody: Caller, port: int
) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token, "9999999999999-0") as shown:
        assert (await shown.next("hello"))["body"]["resumed"] is False
        await _publish(services, 1)
        assert (await shown.next())["kind"] == "pop"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"token": "wrong"}', 4401),
        ("{}", 4401),
        ('{"token": 7}', 4401),
        ("not json", 4422),
        ("[1]", 4422),
        (b"\xff\xfe", 4422),
        ("TOKEN0", 4422),
        ("TOKEN-", 4422),
        ("TOKEN\u0661-1", 4422),
    ],
)
async def test_a_bad_first_message_is_refused_by_name(nobody: Caller, port: int, first: str | bytes, code: int) -> None:
    if isinstance(first, str) and first.startswith("TOKEN"):
        token = (await nobody.as_("agent")).token
        first = json.dumps({"token": token, "cursor": first.removeprefix("TOKEN")})
    async with connect(f"ws://127.0.0.1:{port}/ws/agent", open_timeout=30) as connection, asyncio.timeout(SOON):
        await connection.send(first)
        assert json.loads(await connection.recv())["kind"] == "error"
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


async def test_who_takes_no_calls_has_no_screen(nobody: Caller, port: int) -> None:
    supervisor = await nobody.as_("supervisor")
    async with screen(port, supervisor.token) as shown:
        assert (await shown.next())["body"]["code"] == "access.denied"


async def test_the_query_may_carry_token_and_cursor(services: Services, nobody: Caller, port: int) -> None:
    agent = await nobody.as_("agent")
    await _publish(services, 1)
    cursor = await services.feed.latest("1001")
    await _publish(services, 2)
    url = f"ws://127.0.0.1:{port}/ws/agent?token={agent.token}&cursor={cursor}"
    async with connect(url) as connection, asyncio.timeout(SOON):
        assert json.loads(await connection.recv())["kind"] == "hello"
        assert json.loads(await connection.recv())["body"]["n"] == 2


async def test_a_client_may_ping_and_nonsense_is_answered_by_name(nobody: Caller, port: int) -> None:
    agent = await nobody.as_("agent")
    async with screen(port, agent.token) as shown:
        await shown.next("hello")
        await shown.connection.send('{"type": "ping"}')
        assert (await shown.next())["kind"] == "pong"
        await shown.connection.send("nonsense")
        assert (await shown.next())["body"]["code"] == "input.invalid"
        await shown.connection.send('{"type": "ping"}')
        assert (await shown.next())["kind"] == "pong"
