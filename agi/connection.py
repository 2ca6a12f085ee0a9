"""The wire of one FastAGI session: bytes to header, commands and replies.

An asyncio protocol rather than streams: a probe that connects and closes costs no task, an oversized header is refused
at the byte that is too many, and a reply wakes its command directly.

**Where the header ends.** A line feed in the caller's number can fake the end of the header, and what follows would be
read as replies. After the first empty line we therefore ask Asterisk for an unguessable word and take every line before
its answer as header. The same word encloses every variable we ask for, so that no value can pass for a reply.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

from agi.counters import AgiCounters, Oddity
from agi.env import EnvReader
from agi.errors import (
    AgiBadEnvironment,
    AgiConnectionLost,
    AgiError,
    AgiHangup,
    AgiHeaderTooLarge,
    AgiProtocolError,
    AgiTimeout,
)
from agi.limits import AgiLimits
from agi.reply import AgiReply, parse_reply


class _Pending:
    """The command whose reply is due."""

    __slots__ = ("block", "deadline", "future", "mark")

    def __init__(self, future: asyncio.Future[AgiReply], mark: bytes, deadline: float) -> None:
        self.deadline = deadline
        """On the loop's clock."""
        self.future = future
        self.mark = mark
        """Ends a reply that may have several lines; empty for others."""
        self.block = b""
        """Lines of such a reply, or of a usage text (520), so far."""


class AgiConnection(asyncio.Protocol):
    """One connection. Calls `on_open` at the start, `on_ready` when the header is complete, `on_lost` at the end."""

    def __init__(
        self,
        limits: AgiLimits,
        counters: AgiCounters,
        *,
        on_open: Callable[[AgiConnection], None],
        on_ready: Callable[[AgiConnection], None],
        on_lost: Callable[[AgiConnection], None],
    ) -> None:
        self._limits = limits
        self._counters = counters
        self._on_open = on_open
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._pending: _Pending | None = None
        self._turns: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._strays = 0
        self._asked_for_end = False
        self._dropped = False
        self.header = EnvReader(limits)
        self.ready = False
        self.mark = secrets.token_hex(8)
        """Unguessable for the caller, new for each session."""
        self.hung_up = asyncio.Event()
        self.heard_hangup = False
        """Whether the channel is known to be gone, and not just the connection."""
        self.commands = 0

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        peer = transport.get_extra_info("socket")
        if peer is not None:
            # Asterisk sets none: without it a vanished host would leave the session for ever.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._deadline = self._loop.call_later(self._limits.env_deadline, self.drop, Oddity.HALF_OPEN)
        self._on_open(self)

    def data_received(self, data: bytes) -> None:
        if self._dropped:
            return
        data = self._buffer + data
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._line(data[start:end])
            if self._dropped:
                return
            start = end + 1
        self._buffer = data[start:]
        if len(self._buffer) > (self._limits.reply_bytes if self.ready else self._limits.line_bytes):
            self.drop(Oddity.PROTOCOL_ERROR if self.ready else Oddity.HEADER_TOO_LARGE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._deadline.cancel()
        if not self.ready and not self._dropped:
            empty = not self._buffer and not self.header.lines
            self._counters.odd(Oddity.EMPTY_CONNECTION if empty else Oddity.TRUNCATED_HEADER)
        self.hung_up.set()
        pending, self._pending = self._pending, None
        if pending is not None and not pending.future.done():
            pending.future.set_exception(self._gone())
        if self._alarm is not None:
            self._alarm.cancel()
        self._next_turn()
        self._on_lost(self)

    # lines

    def _line(self, line: bytes) -> None:
        if not self.ready:
            self._header_line(line)
            return
        pending = self._pending
        if pending is not None and pending.block:
            self._continue_block(pending, line)
        elif line == b"HANGUP":
            self._heard_hangup()
        elif pending is None or not (line[:3].isdigit() and line[3:4] in (b" ", b"-")):
            self._stray()
        elif line.startswith(b"100"):
            pass  # "100 Trying": the reply proper follows
        elif line.startswith(b"520-") or (pending.mark and not self._ends(pending, line)):
            pending.block = line
        else:
            self._reply(pending, line)

    def _header_line(self, line: bytes) -> None:
        if self._asked_for_end and line == b"200 result=1 (%s)" % self.mark.encode():
            self._header_complete()
            return
        if not line:
            if not self._asked_for_end:
                self._asked_for_end = True
                self._transport.write(b'GET FULL VARIABLE "%s"\n' % self.mark.encode())
            return
        if line == b"HANGUP":
            return  # the end of the connection or 511 follows; a caller's name may say so too
        if self._asked_for_end:
            self.header.injected = True
        try:
            self.header.take(line)
        except AgiHeaderTooLarge:
            self.drop(Oddity.HEADER_TOO_LARGE)
        except AgiBadEnvironment:
            self.drop(Oddity.BAD_ENV)

    def _header_complete(self) -> None:
        self._deadline.cancel()
        self.ready = True
        if self.header.injected:
            self._counters.odd(Oddity.INJECTED_ENV)
        if self.header.odd_bytes:
            self._counters.odd(Oddity.ODD_BYTES)
        if self.header.odd_caller:
            self._counters.odd(Oddity.ODD_CALLER)
        self._on_ready(self)

    def _heard_hangup(self) -> None:
        self.heard_hangup = True
        self.hung_up.set()

    def _stray(self) -> None:
        self._counters.odd(Oddity.STRAY_LINE)
        self._strays += 1
        if self._strays > self._limits.stray_lines:
            self.drop(Oddity.PROTOCOL_ERROR)

    @staticmethod
    def _ends(pending: _Pending, reply: bytes) -> bool:
        # A marked value is whole when its second mark has come; an error has no marks.
        return not reply.startswith(b"200 result=1 (" + pending.mark) or (
            reply.endswith(pending.mark + b")") and reply.count(pending.mark) > 1
        )

    def _continue_block(self, pending: _Pending, line: bytes) -> None:
        usage = pending.block.startswith(b"520-")
        pending.block += b"\n" + line
        if len(pending.block) > self._limits.reply_bytes:
            self.drop(Oddity.PROTOCOL_ERROR)
        elif line.startswith(b"520 ") if usage else self._ends(pending, pending.block):
            self._reply(pending, pending.block)

    def _reply(self, pending: _Pending, reply: bytes) -> None:
        self._pending = None
        self._next_turn()
        if pending.future.done():
            self._counters.odd(Oddity.LATE_REPLY)
            return
        try:
            pending.future.set_result(parse_reply(reply))
        except AgiHangup as error:
            self._heard_hangup()
            pending.future.set_exception(error)
        except AgiProtocolError as error:
            self._counters.odd(Oddity.PROTOCOL_ERROR)
            pending.future.set_exception(error)

    # commands

    def _gone(self) -> AgiError:
        return AgiHangup() if self.heard_hangup else AgiConnectionLost()

    async def ask(self, line: bytes, timeout: float | None, mark: bytes = b"") -> AgiReply:
        """Send a command line and wait for its reply; commands take turns.

        A command that is cancelled or times out after it was sent keeps its turn until its reply has come, which is
        then dropped: it is never taken for the reply to the next. `timeout` in seconds counts from this call.
        """
        deadline = math.inf if timeout is None else self._loop.time() + timeout
        if self._pending is not None or self._turns:
            await self._turn(timeout)
        if self.hung_up.is_set():
            self._next_turn()
            raise self._gone()
        pending = self._pending = _Pending(self._loop.create_future(), mark, deadline)
        if deadline < self._alarm_at:
            self._set_alarm(deadline)
        self.commands += 1
        self._transport.write(line)
        return await pending.future

    async def _turn(self, timeout: float | None) -> None:
        """Wait until no reply is due and nobody waits before us."""
        turn = self._loop.create_future()
        self._turns.append(turn)
        try:
            async with asyncio.timeout(timeout):
                await turn
        except BaseException as error:
            self._turns.remove(turn)
            if self._pending is None:
                self._next_turn()
            if isinstance(error, TimeoutError):
                self._counters.odd(Oddity.COMMAND_TIMEOUT)
                raise AgiTimeout() from None
            raise
        self._turns.remove(turn)

    def _next_turn(self) -> None:
        # The turn stays in the queue until its owner runs, so that no newcomer slips in between.
        if self._turns and not self._turns[0].done():
            self._turns[0].set_result(None)

    def _set_alarm(self, deadline: float) -> None:
        # One timer a session, moved only when it has rung: a timer for each command would cost more than the command.
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = self._loop.call_at(deadline, self._on_alarm), deadline

    def _on_alarm(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        pending = self._pending
        if pending is None or pending.future.done() or pending.deadline == math.inf:
            return
        if pending.deadline > self._loop.time():
            self._set_alarm(pending.deadline)
        else:
            self._counters.odd(Oddity.COMMAND_TIMEOUT)
            pending.future.set_exception(AgiTimeout())

    def drop(self, reason: Oddity) -> None:
        """Count, and close at once."""
        self._counters.odd(reason)
        self.abort()

    def close(self) -> None:
        """Close after what was written has left."""
        self._dropped = True
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._dropped = True
        self._transport.abort()
