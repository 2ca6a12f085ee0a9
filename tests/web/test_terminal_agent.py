"""`hotline agent --script` against a real web process: the line can be worked without pages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from acd.model import CallRequest, Offer
from acd.queue_store import default_rules
from acd.service import Acd
from tests.web.conftest import CALL, PASSWORD, Caller, redis_away, served
from ticketing import repository
from ticketing.repository import Filters
from ticketing.vocabulary import TicketType
from web.services import Services

VOICE = "ast1/voice-1"
_SOON = 60.0
"""Starting Python on a busy machine takes a while."""


class Terminal:
    """The other end of the command's pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said = ""

    async def type(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def until(self, text: str) -> str:
        """Read until something is said; gives everything said since the last `until`."""
        assert self._process.stdout
        heard = ""
        async with asyncio.timeout(_SOON):
            while text not in heard:
                line = await self._process.stdout.readline()
                assert line, f"ended without {text!r}: {self.said}{await self.fault()}"
                heard += line.decode()
                self.said += line.decode()
        return heard

    async def fault(self) -> str:
        assert self._process.stderr
        return (await self._process.stderr.read()).decode()

    async def ended(self) -> int:
        async with asyncio.timeout(_SOON):
            return await self._process.wait()


@contextlib.asynccontextmanager
async def terminal(
    port: int, *arguments: str, user: str = "agent", password: str = PASSWORD
) -> AsyncIterator[Terminal]:
    """The command, started; ended if the test leaves it running."""
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server.cli", "agent", "--script", "--user", user,
        "--url", f"http://127.0.0.1:{port}", *arguments,
        cwd=root,
        env={**os.environ, "HOTLINE_AGENT_PASSWORD": password, "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Terminal(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _offered(line: Acd, services: Services) -> Offer:
    await line.configure(default_rules(()), 1)
    await line.enqueue(CallRequest(CALL, services.clock.now_ms(), VOICE, "general"))
    async for message in line.inbox():
        if message["type"] == "offer":
            return Offer.from_message(message)
    raise AssertionError


def _pop(offer: Offer) -> dict[str, object]:
    return {
        "reservation": offer.reservation,
        "call": offer.call,
        "caller": "+8613812345678",
        "dialled": "12333",
        "line": "人力资源社会保障服务热线",
        "unit": "市人社局",
        "waited_ms": 2340,
        "group": offer.group,
        "open_tickets": [{"number": "SMX20261120000007", "title": "催办\x1b[2J", "state": "handling"}],
        "earlier_calls": [],
    }


async def test_a_call_from_pop_to_ticket(services: Services, line: Acd, port: int) -> None:
    await line.device_state("8001", reachable=True, in_use=False)
    async with terminal(port) as desk:
        await desk.until("已签入，分机 8001")
        await desk.type("ready")
        await desk.until("状态 示闲")
        offer = await _offered(line, services)
        await services.feed.publish("1001", "pop", _pop(offer), reply_to=VOICE)
        await desk.type("wait pop")
        shown = await desk.until("历史工单")
        for label in ("来电", "主叫", "+8613812345678", "拨打线路", "12333", "责任单位", "市人社局", "等待", "2.3 秒"):
            assert label in shown
        shown += await desk.until("└") if "└" not in shown else ""
        assert "\x1b[2J" not in desk.said, "text from outside must not steer the terminal"
        await line.ringing(offer, 20_000)
        await line.answered(offer)
        await desk.type("wait talking")
        await desk.type("ticket 投诉 拖欠工资三个月")
        await desk.until("工单已登记")
        await line.finished(offer, 30_000)
        await desk.type("wait wrap_up")
        await desk.until("状态 话后整理")
        await desk.type("wrapup")
        await desk.until("状态 示闲")
        await desk.type("notready 小休")
        await desk.until("状态 示忙（小休）")
        await desk.type("quit")
        assert await desk.ended() == 0, await desk.fault()
    view = await line.agent("1001")
    assert view is not None
    assert view.state == "SIGNED_OUT"
    async with services.database.transaction() as session:
        (ticket,), _ = await repository.newest(session, Filters(call=CALL))
    assert (ticket.type, ticket.title, ticket.caller_number, ticket.hotline, ticket.unit_tag) == (
        TicketType.COMPLAINT,
        "拖欠工资三个月",
        "+8613812345678",
        "12333",
        "市人社局",
    )


async def test_it_comes_back_when_the_web_process_does_and_misses_nothing(
    services: Services, line: Acd, app: FastAPI, nobody: Caller, redis_url: str
) -> None:
    async with served(app) as port, terminal(port) as desk:
        await desk.until("已签入")
        await services.feed.publish("1001", "call_ended", {"call": CALL})
        await desk.until("通话结束")
        async with redis_away(redis_url):
            await desk.until("正在重连")
        await services.feed.publish("1001", "pop_withdrawn", {"call": CALL})
        await desk.until("来电已撤回")
        assert desk.said.count("通话结束") == 1
        assert "已重新连接" in desk.said


async def test_a_second_terminal_takes_over_and_the_first_ends_with_the_reason(
    services: Services, line: Acd, port: int
) -> None:
    async with terminal(port) as first:
        await first.until("已签入")
        await services.feed.publish("1001", "call_ended", {"call": CALL})
        await first.until("通话结束")
        async with terminal(port) as second:
            await second.until("已签入")
            assert await first.ended() == 1
            assert "agent.taken_over" in await first.fault()
            view = await line.agent("1001")
            assert view is not None
            assert view.state == "NOT_READY", "the first must not sign the second out"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ((), ""),
        (("dance",), "没有命令 dance"),
        (("ticket 无来电",), "现在没有来电"),
        (("notready",), "示忙要说明原因"),
        (("wait pop 0.1",), "没有等到 pop"),
        (("wait pop soon",), "不是秒数"),
    ],
)
async def test_a_script_stops_at_the_first_fault_and_says_what_to_do(
    line: Acd, port: int, lines: tuple[str, ...], fault: str
) -> None:
    async with terminal(port) as desk:
        await desk.until("已签入")
        for each in (*lines, "quit"):
            await desk.type(each)
        assert await desk.ended() == (1 if fault else 0)
        said = await desk.fault()
        assert fault in said
        assert bool(said) == bool(fault)


async def test_a_wrong_password_and_a_line_that_is_down_say_what_to_do(port: int) -> None:
    async with terminal(port, password="wrong-password") as desk:
        assert await desk.ended() == 1
        assert "检查用户和密码" in await desk.fault()
    async with terminal(1) as desk:
        assert await desk.ended() == 1
        assert "hotline doctor" in await desk.fault()


async def test_without_a_voice_process_signing_in_says_which_to_start(port: int) -> None:
    async with terminal(port) as desk:
        assert await desk.ended() == 1
        assert "hotline run voice" in await desk.fault()
