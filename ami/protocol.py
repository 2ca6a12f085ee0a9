"""The byte stream of one AMI connection: panoramisk's `AMIProtocol` with its reading half replaced.

Replaced because panoramisk decodes each TCP chunk by itself (a Chinese character cut by a chunk border is lost), lets
a refused list wait for ever, keeps actions that nobody waits for, and puts unanswered ones aside to send them again.
Here a message is decoded when all its bytes are there, and everything that waits is told when the connection ends.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from ami import grammar
from ami.counters import AmiCounters
from ami.errors import AmiDisconnected, AmiRefused, AmiRefusedValue
from ami.events import PARSERS, AmiEvent
from ami.message import Message

_log = structlog.get_logger(__name__)

quiet = logging.getLogger("panoramisk.quiet")
"""Handed to panoramisk, which logs whole messages: callers' numbers, digits, the login secret. We log for ourselves."""
quiet.disabled = True

_BANNER = b"Asterisk Call Manager/"
_BANNER_LIMIT = 256

Headers = dict[str, str | list[str]]


class PendingAction(Action):  # type: ignore[misc]
    """An action on its way. `ends` names the event that ends its list; None for an action with a single reply.

    Whether an action has a list is said by us: panoramisk guesses it from the English text of the reply.
    """

    def __init__(self, headers: Headers, ends: str | None) -> None:
        values = [(header, value) for header, value in headers.items() if isinstance(value, str)]
        for header, several in headers.items():
            if not isinstance(several, str):
                values.extend((header, value) for value in several)
        if len(values) > grammar.HEADER_LIMIT:
            raise AmiRefusedValue("too many headers")
        for header, value in values:
            grammar.check_line(header, value)
        super().__init__(headers)
        self.ends = ends
        self.reply: Message | None = None
        self.rows: list[Message] = []
        self.future: asyncio.Future[tuple[Message, list[Message]]] = asyncio.get_running_loop().create_future()

    def add_message(self, message: Message) -> bool:
        """Take a reply or a row of the list; True when the action is complete."""
        if self.reply is None:
            self.reply = message
            if message.fields.get("Response") != "Success":
                self.fail(AmiRefused(message.fields.get("Message", "")))
                return True
            if self.ends is not None and message.fields.get("EventList") == "start":
                return False
        elif message.fields.get("EventList", "").lower() == "cancelled":
            self.fail(AmiRefused("list cancelled"))
            return True
        elif message.fields.get("Event") != self.ends:
            self.rows.append(message)
            return False
        if not self.future.done():
            self.future.set_result((self.reply, self.rows))
        return True

    def fail(self, error: Exception) -> None:
        """Tell whoever waits; does nothing when the outcome is known already."""
        if not self.future.done():
            self.future.set_exception(error)
            # The waiter may have been cancelled in this very turn of the loop: that is no lost exception.
            self.future.exception()


class Receiver(Protocol):
    """What the stream needs of the connection it belongs to."""

    def greeted(self) -> None: ...

    def drop(self, reason: str) -> None: ...

    def received(self, event: AmiEvent) -> None: ...

    def connection_lost(self, exc: object) -> None: ...


class AmiStream(AMIProtocol):  # type: ignore[misc]
    """One connection's bytes in and out."""

    def __init__(self, receiver: Receiver, counters: AmiCounters, message_limit: int) -> None:
        self._receiver = receiver
        self._counters = counters
        self._limit = message_limit
        self._rest = b""
        self.version: str | None = None
        self.closed = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # panoramisk sets these only after its connect task has finished; the first bytes may come before.
        self.factory = self._receiver
        self.encoding = "utf-8"
        self.log = quiet

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages. Never raises: a message we cannot use is counted and left out."""
        data = self._rest + data
        if self.version is None:
            line, end, rest = data.partition(b"\r\n")
            if not end and len(data) <= _BANNER_LIMIT and _BANNER.startswith(data[: len(_BANNER)]):
                self._rest = data
                return
            if not end or not line.startswith(_BANNER):
                self._receiver.drop("not_ami")
                return
            self.version = line.removeprefix(_BANNER).decode("ascii", "replace")
            self._receiver.greeted()
            data = rest
        *blocks, self._rest = data.split(b"\r\n\r\n")
        for block in blocks:
            if self.closed:
                return
            # The separator cannot lie inside a UTF-8 sequence, so whole messages hold whole characters.
            self._sort(block.decode("utf-8", "replace"))
        if len(self._rest) > self._limit:
            self._receiver.drop("message_too_long")

    def _sort(self, text: str) -> None:
        """Sort a message: an answer to one of our actions, an event somebody may use, or neither.

        An event for everybody has a Privilege header; the rows of a list have none. OriginateResponse has both
        Privilege and the ActionID of its originate (which may be another process's): it is an event.
        """
        text = text.strip("\r\n")
        name = ""
        if text.startswith("Event: "):
            name = text[7 : text.find("\r\n")] if "\r\n" in text else text[7:]
            if name not in PARSERS and "\r\nPrivilege: " in text:
                if name == "Shutdown":
                    self._receiver.drop("shutdown")
                return
        message = Message.parse(text)
        if name and "Privilege" in message.fields:
            self._event(name, message)
            return
        action = self.responses.get(message.fields.get("ActionID"))
        if action is None:
            self._counters.unmatched_replies.inc()
        elif action.add_message(message):
            self.forget(action)

    def _event(self, name: str, message: Message) -> None:
        try:
            event = PARSERS[name](message)
        except (KeyError, ValueError):
            self._counters.events_malformed.labels(name).inc()
            _log.warning("ami.event_malformed", event_name=name)
            return
        self._receiver.received(event)

    def forget(self, action: PendingAction) -> None:
        """Nobody waits for this action any more; a late answer is counted and left out."""
        self.responses.pop(action.id, None)

    def close(self) -> None:
        """End the connection now, unsent bytes included (a peer that does not read would keep it open for ever)."""
        if self.closed:
            return
        self.closed = True
        waiting = list(self.responses.values())
        self.responses.clear()
        for action in waiting:
            action.fail(AmiDisconnected("connection lost before the answer"))
        self.transport.abort()
