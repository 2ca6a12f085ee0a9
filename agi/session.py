"""One call as its handler sees it: the header, the commands, and whether the channel is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from agi.connection import AgiConnection
from agi.counters import AgiCounters, Oddity
from agi.errors import AgiCommandFailed, AgiHangup, AgiProtocolError, AgiRefusedValue
from agi.grammar import (
    APPLICATION,
    EXPRESSION,
    MUSIC_CLASS,
    PROMPT,
    RECORDING,
    VARIABLE,
    Argument,
    arguments,
    command_line,
    quoted,
)
from agi.limits import AgiLimits
from agi.reply import AgiReply

P = ParamSpec("P")
T = TypeVar("T")


def _counting_refusals(
    command: Callable[Concatenate[AgiSession, P], Awaitable[T]],
) -> Callable[Concatenate[AgiSession, P], Awaitable[T]]:
    @wraps(command)
    async def counted(session: AgiSession, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await command(session, *args, **kwargs)
        except AgiRefusedValue:
            session.counters.odd(Oddity.REFUSED_VALUE)
            raise

    return counted


class AgiSession:
    """Commands raise AgiHangup or AgiConnectionLost when the channel or the connection is gone, AgiTimeout when no
    reply came in time, AgiRefusedValue before anything is sent, AgiProtocolError for what is no proper reply.

    Commands take turns; one that is cancelled or timed out never leaves its reply to the next.
    """

    def __init__(self, connection: AgiConnection, limits: AgiLimits, counters: AgiCounters) -> None:
        self._connection = connection
        self._limits = limits
        self.counters = counters
        self.env: Mapping[str, str] = connection.header.env
        """`agi_*` of the header, UTF-8 with replacement. The caller's fields are as the caller sent them."""
        self.args: tuple[str, ...] = connection.header.args
        """Arguments the dialplan gave to AGI()."""
        self.hung_up: asyncio.Event = connection.hung_up
        """Set when the channel is gone or the connection ended."""

    @_counting_refusals
    async def answer(self) -> None:
        """Answer the channel, if it is not yet; raises AgiCommandFailed."""
        await self._run("ANSWER")

    @_counting_refusals
    async def hangup(self) -> None:
        """Hang the channel up; one that is gone already is no error."""
        try:
            await self._run("HANGUP")
        except AgiHangup:
            return

    @_counting_refusals
    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable, or one of the functions of `agi.grammar.VARIABLE`. The value is taken as it is."""
        await self._run("SET VARIABLE", VARIABLE.check(name), quoted(value))

    @_counting_refusals
    async def get_full_variable(self, expression: str) -> str | None:
        """What an expression such as `${HL_PHASE}` evaluates to on the channel; None if empty or unset.

        The expression is one of `agi.grammar.EXPRESSION`, or an Argument checked by its author. The value may hold
        anything the caller sent, line feeds included.
        """
        mark = self._connection.mark
        asked = expression if isinstance(expression, Argument) else EXPRESSION.check(expression)
        line = command_line(f"GET FULL VARIABLE {quoted(f'{mark}{asked}{mark}')}")
        reply = await self._connection.ask(line, self._limits.command_timeout, mark.encode())
        data = reply.data or ""
        if reply.result != "1" or not (data.startswith(mark) and data.endswith(mark)):
            raise AgiProtocolError("variable not answered as asked")
        return data[len(mark) : -len(mark)] or None

    @_counting_refusals
    async def exec(self, app: str, *args: str, timeout: float | None = None) -> AgiReply:
        """Run a dialplan application until it ends; `timeout` in seconds, None for no limit.

        Arguments are `SAFE` or `Argument`s. Result -1 comes back as it is: for Dial it also means that the caller is
        gone, and `hung_up` follows. Raises AgiCommandFailed if Asterisk has no such application (-2).
        """
        line = command_line(f"EXEC {APPLICATION.check(app)} {quoted(arguments(args))}")
        reply = await self._connection.ask(line, timeout)
        if reply.result == "-2":
            raise AgiCommandFailed(f"no application {app}")
        return reply

    @_counting_refusals
    async def control_stream_file(self, prompt: str) -> None:
        """Play a prompt to its end, or until AMI ControlPlayback stops it; no key ends it, keys come over AMI.

        Raises AgiCommandFailed if it cannot be played.
        """
        await self._run("CONTROL STREAM FILE", PROMPT.check(prompt), '""', timeout=self._limits.prompt_timeout)

    @_counting_refusals
    async def record_file(self, path: str, *, seconds: int, silence_seconds: int) -> None:
        """Record the caller to `<path>.alaw` until they hang up, press #, say nothing for `silence_seconds`, or for
        `seconds` at most. The path is Asterisk's own. A hang-up raises AgiHangup; what was said till then is kept."""
        await self._run(
            "RECORD FILE",
            RECORDING.check(path),
            "alaw",
            '"#"',
            str(seconds * 1000),
            f"s={silence_seconds}",
            timeout=seconds + self._limits.command_timeout,
        )

    @_counting_refusals
    async def set_music(self, on: bool, music_class: str = "hl") -> None:
        """Start or stop music on hold; it plays while no command runs."""
        await self._run("SET MUSIC", *(("ON", MUSIC_CLASS.check(music_class)) if on else ("OFF",)))

    @_counting_refusals
    async def verbose(self, message: str, level: int = 1) -> None:
        """Write to Asterisk's log, verbosity 1 to 4. No personal data, no digits of a caller."""
        await self._run("VERBOSE", quoted(message), str(min(max(level, 1), 4)))

    async def _run(self, *words: str, timeout: float | None = None) -> AgiReply:
        """A command whose result -1 is a failure."""
        limit = self._limits.command_timeout if timeout is None else timeout
        reply = await self._connection.ask(command_line(" ".join(words)), limit)
        if reply.result == "-1":
            # Asterisk answers -1 for a hang-up too, and may say HANGUP just after it.
            try:
                async with asyncio.timeout(self._limits.hangup_grace):
                    await self.hung_up.wait()
            except TimeoutError:
                raise AgiCommandFailed(words[0]) from None
            raise AgiHangup()
        return reply
