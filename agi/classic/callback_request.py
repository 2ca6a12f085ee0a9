#!/usr/bin/python3
"""Classic AGI script `callback-request`: leave a callback request (回拨请求) in a spool folder.

The dialplan runs it when neither a voice process nor an agent of the native queue could take the caller:
`AGI(callback_request.py,<spool folder>)`. It writes `<call id>.json` and sets HL_CALLBACK to `recorded`, or to `failed`
if nothing could be kept: only then may the promise to call back not be spoken. A second run for the same call changes
nothing. Whatever the caller sent and whenever the caller hangs up, the request is written if it can be.

Stand-alone: nothing of ours is imported, see `agi.classic.script_files` for what lies beside it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
from types import ModuleType
from typing import Any

try:
    import pprint  # noqa: F401
except ModuleNotFoundError:
    # Debian's python3-minimal has none; pyst2 wants it only for what it writes to stderr.
    _stand_in = ModuleType("pprint")
    _stand_in.__dict__["pformat"] = repr
    sys.modules["pprint"] = _stand_in

from asterisk.agi import AGI, AGIException

_CALL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}-[0-9]{1,12}\.[0-9]{1,9}")  # as hotline.ids
_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_MILLISECONDS = re.compile(r"[0-9]{13}")


class _Nowhere(io.TextIOBase):
    """pyst2 copies the header, caller's number included, to its stderr; that has no business in a log."""

    def write(self, text: str) -> int:
        return len(text)


class _FromAsterisk:
    """Header and replies, line by line. Any bytes are tolerated, and a CR in the caller's name begins no line.

    A line feed there does. It can repeat a field: the first is Asterisk's, for those that precede the caller's. It can
    begin a usage text (520), after which pyst2 would read for ever: we cause none, so none is true.
    Raises EOFError at the end, where pyst2 takes the empty string for a line.
    """

    def __init__(self, descriptor: int) -> None:
        file = os.fdopen(descriptor, "rb", closefd=False)
        self._lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n")
        self._seen: set[str] = set()

    def readline(self) -> str:
        while line := self._lines.readline():
            field = line.partition(":")[0]
            if field in self._seen or line.startswith("520"):
                continue
            if field.startswith("agi_"):
                self._seen.add(field)
            return line
        raise EOFError


def _variable(agi: AGI, name: str) -> str:
    """A channel variable; empty if the caller is gone.

    The value is asked for between two unguessable words, so that no line of the caller's making passes for the answer.
    Whatever else comes is passed over: a second command before the answer to the first would lie in Asterisk's buffer
    unread, and both sides would wait for ever.
    """
    word = os.urandom(8).hex()
    try:
        agi.send_command("GET FULL VARIABLE", f'"{word}${{{name}}}{word}"')
        while True:
            try:
                value = agi.get_result()["result"][1]
            except (AGIException, ValueError):
                continue
            if value.startswith(word) and value.endswith(word) and len(value) >= 2 * len(word):
                return str(value[len(word) : -len(word)])
    except (OSError, EOFError):
        return ""


def _matching(pattern: re.Pattern[str], *candidates: str) -> str:
    """The first that is what it should be, else empty: a number with anything else in it is nobody's number."""
    return next((text for text in candidates if pattern.fullmatch(text)), "")


def compose(agi: AGI, now_ms: int) -> dict[str, Any]:
    """The request; raises LookupError if the call has no id."""
    # With `systemname` set, Asterisk's unique id is the call id; it is there even if the caller hung up meanwhile.
    call = _matching(_CALL, _variable(agi, "HL_CALL"), agi.env.get("agi_uniqueid", ""))
    if not call:
        raise LookupError("no call id")
    entered = _matching(_MILLISECONDS, _variable(agi, "HL_ENTERED"))
    return {
        "schema": 1,
        "call": call,
        "entered_ms": int(entered) if entered else now_ms,
        "dialled": _matching(_NUMBER, _variable(agi, "HL_DID"), agi.env.get("agi_dnid", "")),
        "caller": _matching(_NUMBER, agi.env.get("agi_callerid", "")),
        "reason": "no_agent",
        "requested_ms": now_ms,
    }


def write(folder: str, request: dict[str, Any]) -> None:
    """Put the request on the disk, whole or not at all; an earlier one of the same call stays. Raises OSError."""
    path = os.path.join(folder, f"{request['call']}.json")
    if os.path.exists(path):
        return
    unfinished = os.path.join(folder, f".{request['call']}.{os.getpid()}.tmp")
    with open(unfinished, "w", encoding="ascii") as file:
        json.dump(request, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(unfinished, path)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main() -> int:
    """Exit status 0 if the request is on the disk."""
    out = os.fdopen(1, "w", encoding="utf-8", newline="\n", closefd=False)
    try:
        agi = AGI(_FromAsterisk(0), out, _Nowhere())
    except EOFError:
        return 1  # not started by Asterisk, or the channel went while the header was written
    try:
        write(sys.argv[1], compose(agi, time.time_ns() // 1_000_000))
        outcome = "recorded"
    except (OSError, LookupError) as error:
        print(f"callback-request: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        outcome = "failed"
    with contextlib.suppress(AGIException, ValueError, OSError, EOFError):  # the caller is gone: nobody to speak to
        agi.set_variable("HL_CALLBACK", outcome)
    return 0 if outcome == "recorded" else 1


if __name__ == "__main__":
    sys.exit(main())
