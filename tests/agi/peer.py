"""A FastAGI client that plays Asterisk: it opens the session, writes the header, and answers commands.

It reads commands as res_agi.c does: lines of a bounded size (a longer one goes on as the next command), split into
words with quotation marks and backslashes. By default each command is answered at once, variables from `variables`;
`hold(prefix)` leaves commands unanswered until `reply` is called.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping

HEADER: Mapping[str, str] = {
    "agi_network": "yes",
    "agi_network_script": "inbound",
    "agi_request": "agi://127.0.0.1:14573/inbound",
    "agi_channel": "PJSIP/trunk-00000001",
    "agi_language": "zh",
    "agi_type": "PJSIP",
    "agi_uniqueid": "ast1-1763761000.12",
    "agi_version": "22.10.1",
    "agi_callerid": "13812345678",
    "agi_calleridname": "unknown",
    "agi_callingpres": "0",
    "agi_callingani2": "0",
    "agi_callington": "0",
    "agi_callingtns": "0",
    "agi_dnid": "12333",
    "agi_rdnis": "unknown",
    "agi_context": "hl-supervise",
    "agi_extension": "s",
    "agi_priority": "7",
    "agi_enhanced": "0.0",
    "agi_accountcode": "",
    "agi_threadid": "140187",
}
BUFFER = 2_047
"""Bytes of a line; smaller than any real one, so that a line which fits here fits everywhere."""
ARGS = ("ast1-1763761000.12", "1763761000123", "1", "entered", "12333")
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


def header(args: tuple[str, ...] = ARGS, /, **changed: str | bytes) -> bytes:
    """A header as Asterisk 22 writes it; `changed` replaces values, as raw bytes if need be."""
    lines = []
    for key, value in {**HEADER, **changed}.items():
        lines.append(key.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    lines += [f"agi_arg_{number}: {value}".encode() for number, value in enumerate(args, 1)]
    return b"\n".join(lines) + b"\n\n"


def words(line: str) -> list[str]:
    """A command line split as `parse_args` of res_agi.c does it."""
    found: list[str] = []
    word, inside, quoted, escaped = "", False, False, False
    for character in line:
        if character == '"' and not escaped:
            quoted = not quoted
            inside = True
        elif character in " \t" and not quoted and not escaped:
            if inside:
                found.append(word)
            word, inside = "", False
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            word += character
            inside = True
        escaped = False
    if inside:
        found.append(word)
    return found


class AsteriskPeer:
    """One FastAGI session, Asterisk's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.variables: dict[str, str] = {}
        self.answers: dict[str, str] = {}
        """First words of a command -> the reply line to give instead of `200 result=0`."""
        self.commands: list[list[str]] = []
        self.executed: list[list[str]] = []
        """What reached EXEC: application and argument."""
        self.ended = asyncio.Event()
        self._held: tuple[str, ...] = ()
        self._seen: asyncio.Queue[list[str]] = asyncio.Queue()
        self._task = asyncio.create_task(self._serve())

    @classmethod
    async def connect(cls, port: int, opening: bytes | None = None) -> AsteriskPeer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        peer = cls(reader, writer)
        peer.send(header() if opening is None else opening)
        return peer

    def hold(self, *prefixes: str) -> None:
        """Commands that begin so are not answered until `reply`."""
        self._held = prefixes

    def send(self, raw: bytes) -> None:
        self._writer.write(raw)

    def reply(self, line: str) -> None:
        self.send(line.encode() + b"\n")

    async def command(self, prefix: str = "") -> list[str]:
        """The next command that begins with `prefix`, within fifteen seconds; earlier ones are passed over."""
        async with asyncio.timeout(15):
            while True:
                found = await self._seen.get()
                if " ".join(found).startswith(prefix):
                    return found

    async def close(self, *, reset: bool = False) -> None:
        if reset:
            self._writer.transport.abort()
        self._writer.close()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._task

    async def _serve(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := await self._reader.read(65536):
                rest += data
                while (end := rest.find(b"\n")) >= 0 or len(rest) >= BUFFER:
                    fits = 0 <= end < BUFFER
                    line, rest = (rest[:end], rest[end + 1 :]) if fits else (rest[:BUFFER], rest[BUFFER:])
                    self._command(line.decode())
        self.ended.set()

    def _command(self, line: str) -> None:
        command = words(line)
        text = " ".join(command)
        whole = " ".join(command[:3]).upper()
        if whole == "GET FULL VARIABLE":
            value = _VARIABLE.sub(lambda found: self.variables.get(found[1], ""), command[3])
            if "$" not in command[3]:  # the question where the header ends
                self.reply(f"200 result=1 ({value})")
                return
            default = f"200 result=1 ({value})"
        else:
            default = "200 result=0"
        self.commands.append(command)
        self._seen.put_nowait(command)
        if command[:1] == ["EXEC"]:
            self.executed.append(command[1:])
        if command[:2] == ["SET", "VARIABLE"]:
            self.variables[command[2]] = command[3]
        if self._held and text.startswith(self._held):
            return
        for prefix, answer in self.answers.items():
            if text.startswith(prefix):
                self.reply(answer)
                return
        self.reply(default)


async def until(condition: Callable[[], bool], *, deadline: float = 20.0) -> None:
    """Wait until something that has no event of its own has become true."""
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.001)
