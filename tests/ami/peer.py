"""A scripted Asterisk manager: it plays the far side of AMI, well-behaved or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

DEADLINE = 5.0

Action = dict[str, str]


class Peer:
    """Listens on a loopback port, remembers every action it gets, and answers as told.

    `answers` maps an action's name to a function from the action to the text to send back; None stays silent.
    """

    def __init__(self) -> None:
        self.port = 0
        self.actions: list[Action] = []
        self.connections = 0
        self.banner = "Asterisk Call Manager/11.0.0\r\n"
        self.answers: dict[str, Callable[[Action], str] | None] = {
            "Login": lambda action: success(action) + FULLY_BOOTED,
            "Ping": success,
        }
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._gone = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.disconnect()
            await self.wait_for(lambda: not self._writers)
            self._server = None

    def disconnect(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def send(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode()
        for writer in self._writers:
            writer.write(data)

    def names(self) -> list[str]:
        return [action["Action"] for action in self.actions]

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(condition)

    async def action(self, name: str, count: int = 1) -> Action:
        """The `count`-th action of this name, once it has come."""
        await self.wait_for(lambda: self.names().count(name) >= count)
        return [action for action in self.actions if action["Action"] == name][count - 1]

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        await self._notify()
        try:
            writer.write(self.banner.encode())
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                action: Action = {}
                for line in block.decode().strip().split("\r\n"):
                    header, _, value = line.partition(": ")
                    action[header] = f"{action[header]}\n{value}" if header in action else value
                self.actions.append(action)
                answer = self.answers.get(action["Action"], success)
                if answer is not None:
                    writer.write(answer(action).encode())
                await self._notify()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.remove(writer)
            writer.close()
            await self._notify()


def block(*lines: str) -> str:
    """A message of these lines."""
    return "\r\n".join(lines) + "\r\n\r\n"


FULLY_BOOTED = block("Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted")


def success(action: Action) -> str:
    return block("Response: Success", f"ActionID: {action['ActionID']}", "Message: done")


def error(message: str) -> Callable[[Action], str]:
    return lambda action: block("Response: Error", f"ActionID: {action['ActionID']}", f"Message: {message}")


def listing(ends: str, *rows: tuple[str, ...]) -> Callable[[Action], str]:
    """A list: its rows, each given by its lines without ActionID, and its end."""

    def answer(action: Action) -> str:
        action_id = f"ActionID: {action['ActionID']}"
        return (
            block("Response: Success", action_id, "EventList: start", "Message: list will follow")
            + "".join(block(row[0], action_id, *row[1:]) for row in rows)
            + block(f"Event: {ends}", action_id, "EventList: Complete", f"ListItems: {len(rows)}")
        )

    return answer


def hangup(number: int, *, variables: tuple[str, ...] = ()) -> str:
    """A Hangup event of channel `PJSIP/t-<number>`."""
    return block(
        "Event: Hangup",
        "Privilege: call,all",
        "SystemName: ast1",
        f"Channel: PJSIP/t-{number}",
        f"Uniqueid: ast1-1.{number}",
        f"Linkedid: ast1-1.{number}",
        *(f"ChanVariable: {variable}" for variable in variables),
        "Cause: 16",
        "Cause-txt: Normal Clearing",
    )
