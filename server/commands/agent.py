"""`hotline agent`: a terminal to work the line from (终端座席): sign in, be ready, see pops, write tickets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from hotline import ids
from hotline.errors import HotlineError, InvalidInput, NotSignedIn, PartUnavailable
from hotline.settings import load_settings
from hotline.tasks import first_of
from server.commands.agent_requests import Refused, Requests
from server.commands.agent_screen import AgentScreen, plain

HELP = """\
ready                示闲：可以接听来电
notready <原因>      示忙，例如 notready 小休
ticket [类型] <标题> 为当前来电登记工单，类型为 咨询 求助 投诉 举报 建议
wrapup               提前结束话后整理
signin [分机]        重新签入
signout              签出
wait <事件> [秒]     等待事件，例如 wait pop、wait talking（脚本用）
quit                 签出并退出"""

_TYPES = {"咨询": "consult", "求助": "help", "投诉": "complaint", "举报": "report", "建议": "suggestion"}
_TAKEN_OVER, _SESSION_ENDED, _NO_SCREEN = 4409, 4401, 4403
_LONGEST_PAUSE = 5.0
_TICKET_TRIES = 3


class TakenOver(HotlineError):
    """The same agent works at another screen now."""

    code = "agent.taken_over"


class NothingCame(HotlineError):
    """A script waited for something that did not happen in time."""

    code = "agent.nothing_came"


class _Quit(Exception):
    """The person is done."""


def agent(
    user: Annotated[str, typer.Option("--user", "-u", prompt="用户", help="Login, e.g. 1001.")],
    extension: Annotated[str | None, typer.Option("--extension", "-e", help="Seat (分机); default: one's own.")] = None,
    url: Annotated[str | None, typer.Option(help="Web process; default: the one of hotline.toml.")] = None,
    script: Annotated[
        bool, typer.Option("--script", help="Read commands from stdin; stop at the first fault.")
    ] = False,
) -> None:
    """Work the line from a terminal. The password is asked for, or taken from HOTLINE_AGENT_PASSWORD."""
    password = os.environ.get("HOTLINE_AGENT_PASSWORD")
    if password is None:
        if script:
            raise InvalidInput("no password", remedy="set HOTLINE_AGENT_PASSWORD")
        password = typer.prompt("密码", hide_input=True)
    if url is None:
        web = load_settings().web
        url = f"http://{web.bind}:{web.port}"
    console = Console(highlight=False, markup=False, soft_wrap=True)
    asyncio.run(Terminal(url.rstrip("/"), console, script=script).work(user, password, extension))


class Terminal:
    """One agent at a terminal."""

    def __init__(self, url: str, console: Console, *, script: bool) -> None:
        self._line = Requests(url)
        self._screen = AgentScreen(console)
        self._script = script
        self._cursor: str | None = None
        self._connected_before = False
        self._pop: dict[str, Any] | None = None
        self._happened: asyncio.Queue[str] = asyncio.Queue()

    async def work(self, user: str, password: str, extension: str | None) -> None:
        """From login to logout. Raises HotlineError with a remedy where a person must act."""
        async with self._line:
            person = await self._line.login(user, password)
            self._screen.say(
                f"{plain(person['name'])} 已登录，工号 {person['work_number'] or '无'}。输入 help 查看命令。"
            )
            elsewhere = False
            try:
                await first_of(self._listen(), self._obey(extension))
            except _Quit:
                pass
            except TakenOver:
                elsewhere = True
                raise
            finally:
                await self._leave(sign_out=not elsewhere)

    async def _leave(self, *, sign_out: bool) -> None:
        """No agent stays ready without a screen; one that works on elsewhere is left alone."""
        with contextlib.suppress(HotlineError):
            if sign_out:
                await self._line.post("/api/agents/me/sign-out")
            await self._line.post("/api/auth/logout")

    # What the person says --------------------------------------------------------------------------------------

    async def _obey(self, extension: str | None) -> None:
        await self._attempt(self._sign_in, extension or "")
        async for line in _lines():
            word, _, rest = line.strip().partition(" ")
            if not word:
                continue
            command = self._commands.get(word.lower())
            if command is None:
                unknown = InvalidInput(f"没有命令 {plain(word)}", remedy="输入 help 查看命令")
                if self._script:
                    raise unknown
                self._screen.error(unknown)
                continue
            await self._attempt(command, rest.strip())
        await self._quit("")

    async def _attempt(self, command: Callable[[str], Awaitable[None]], rest: str) -> None:
        """A person reads the fault and tries again; a script ends with it."""
        try:
            await command(rest)
        except HotlineError as error:
            if self._script:
                raise
            self._screen.error(error)

    @property
    def _commands(self) -> Mapping[str, Callable[[str], Awaitable[None]]]:
        return {
            "ready": self._ready,
            "notready": self._not_ready,
            "ticket": self._ticket,
            "wrapup": self._wrap_up,
            "signin": self._sign_in,
            "signout": self._sign_out,
            "wait": self._wait,
            "help": self._help,
            "quit": self._quit,
        }

    async def _sign_in(self, extension: str) -> None:
        body = {"extension": extension} if extension else {}
        view = await self._line.post("/api/agents/me/sign-in", body)
        self._screen.say(f"已签入，分机 {view['extension']}。")

    async def _ready(self, _rest: str) -> None:
        self._screen.state(await self._line.post("/api/agents/me/ready"))

    async def _not_ready(self, reason: str) -> None:
        if not reason:
            raise InvalidInput("示忙要说明原因", remedy="例如 notready 小休")
        self._screen.state(await self._line.post("/api/agents/me/not-ready", {"reason": reason}))

    async def _wrap_up(self, _rest: str) -> None:
        self._screen.state(await self._line.post("/api/agents/me/end-wrap-up"))

    async def _sign_out(self, _rest: str) -> None:
        self._screen.state(await self._line.post("/api/agents/me/sign-out"))

    async def _help(self, _rest: str) -> None:
        self._screen.say(HELP)

    async def _quit(self, _rest: str) -> None:
        raise _Quit

    async def _ticket(self, rest: str) -> None:
        if self._pop is None:
            raise InvalidInput("现在没有来电", remedy="来电弹屏之后再登记工单")
        first, _, title = rest.partition(" ")
        kind, title = (_TYPES[first], title.strip()) if first in _TYPES else ("consult", rest)
        if not title:
            raise InvalidInput("工单要有标题", remedy="例如 ticket 投诉 夜间施工扰民")
        pop = self._pop
        demand = {
            "type": kind,
            "title": title,
            "call": pop["call"],
            "caller_number": pop.get("caller") or "",
            "unit_tag": pop.get("unit") or "",
            "hotline": pop["dialled"] if re.fullmatch(r"\+?[0-9]{1,20}", pop.get("dialled") or "") else "",
            "request_key": ids.token(12),  # a repeated try makes no second ticket
        }
        for tries_left in reversed(range(_TICKET_TRIES)):
            try:
                ticket = await self._line.post("/api/tickets", demand)
            except PartUnavailable:
                if not tries_left:
                    raise
                await asyncio.sleep(0.5)
            else:
                self._screen.say(f"工单已登记 {ticket['number']} {ticket['type_term']} {plain(ticket['title'])}")
                if ticket["query_code"]:
                    self._screen.say(f"请告知市民 电话查询编号 {ticket['typed_number']} 查询码 {ticket['query_code']}")
                return

    async def _wait(self, rest: str) -> None:
        event, _, seconds = rest.partition(" ")
        try:
            async with asyncio.timeout(float(seconds or 30)):
                while await self._happened.get() != event.lower():
                    pass
        except TimeoutError:
            raise NothingCame(f"没有等到 {plain(event)}") from None
        except ValueError:
            raise InvalidInput(f"{plain(seconds)} 不是秒数", remedy="例如 wait pop 10") from None

    # What the line says ----------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Keep the socket; after a break go on from the last cursor. Raises TakenOver, NotSignedIn."""
        pause = 0.0
        while True:
            try:
                async with connect(f"ws{self._line.url.removeprefix('http')}/ws/agent", proxy=None) as socket:
                    await socket.send(orjson.dumps({"token": self._line.token, "cursor": self._cursor}).decode())
                    while True:
                        self._take(orjson.loads(await socket.recv()))
                        pause = 0.0
            except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
                self._lost(error, first=pause == 0.0)
            # Spread out, so that a whole room does not come back in the same moment.
            pause = min(_LONGEST_PAUSE, max(0.2, pause * 2))
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def _lost(self, error: Exception, *, first: bool) -> None:
        code = error.rcvd.code if isinstance(error, ConnectionClosed) and error.rcvd else None
        if code == _TAKEN_OVER:
            raise TakenOver("同一工号已在别处打开座席", remedy="在那边继续，或重新运行 hotline agent 接管")
        if code == _SESSION_ENDED:
            raise NotSignedIn("登录已失效", remedy="重新运行 hotline agent 登录")
        if code == _NO_SCREEN:
            raise Refused("此用户不是座席", remedy="用有工号的用户登录")
        if first:
            self._screen.say("连接中断，正在重连……")

    def _take(self, frame: dict[str, Any]) -> None:
        self._cursor = frame["cursor"] or self._cursor
        kind, body = frame["kind"], frame["body"]
        match kind:
            case "hello":
                self._greet(body)
            case "pop":
                self._show_pop(body)
            case "pop_withdrawn":
                self._screen.say("来电已撤回。")
                if self._pop is not None and self._pop.get("reservation") == body.get("reservation"):
                    self._pop = None
            case "call_ended":
                self._screen.say("通话结束。可继续登记工单，wrapup 结束话后整理。")
            case "agent_state":
                self._screen.state(body)
                self._happened.put_nowait(str(body["state"]).lower())
            case _:
                pass
        self._happened.put_nowait(str(kind))

    def _show_pop(self, pop: dict[str, Any]) -> None:
        self._pop = pop
        self._screen.pop(pop)

    def _greet(self, hello: dict[str, Any]) -> None:
        if hello["pop"] is not None:
            self._show_pop(hello["pop"])
        if self._connected_before:
            self._screen.say("已重新连接。")
            if hello["agent"] is None or hello["agent"]["state"] == "SIGNED_OUT":
                self._screen.say("您已被签出，输入 signin 重新签入。")
        self._connected_before = True


async def _lines() -> AsyncIterator[str]:
    """Lines of standard input until its end. In a thread that may be left behind: a terminal's read cannot be ended."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        # The loop may be closed before the last line comes.
        with contextlib.suppress(RuntimeError):
            for line in sys.stdin:
                loop.call_soon_threadsafe(arrived.put_nowait, line)
            loop.call_soon_threadsafe(arrived.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    while line := await arrived.get():
        yield line
