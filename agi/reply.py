"""Replies of Asterisk to AGI commands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agi.errors import AgiHangup, AgiProtocolError

_ENDPOS = re.compile(r" endpos=(\d{1,18})(?= |$)")


@dataclass(frozen=True, slots=True)
class AgiReply:
    """A reply with code 200."""

    result: str
    """The text after `result=`; mostly a number, for collected digits the digits, perhaps empty."""
    data: str | None = None
    """The text in parentheses: the value of a variable, `timeout`, ..."""
    endpos: int | None = None
    """Samples played, where the command plays."""

    @property
    def value(self) -> int:
        """The result as a number; raises AgiProtocolError if it is none."""
        try:
            return int(self.result)
        except ValueError:
            raise AgiProtocolError("result is not a number") from None


_COMMON = {b"200 result=0": AgiReply("0"), b"200 result=1": AgiReply("1")}
"""Most replies; made once."""


def parse_reply(line: bytes) -> AgiReply:
    """Read one reply, without its line feed; text is UTF-8 with replacement.

    Raises AgiHangup for 511 and AgiProtocolError for every other code and for what is no reply.
    """
    if line in _COMMON:
        return _COMMON[line]
    code, rest = line[:3], line[4:].decode("utf-8", "replace")
    if code == b"200" and rest.startswith("result="):
        result, space, tail = rest[7:].partition(" ")
        if not space:
            return AgiReply(result)
        data = None
        if tail.startswith("(") and ")" in tail:
            data, _, tail = tail[1:].rpartition(")")
        endpos = _ENDPOS.search(f" {tail}")
        return AgiReply(result, data, int(endpos[1]) if endpos else None)
    if code == b"511":
        raise AgiHangup("command not permitted on a dead channel")
    if code == b"510":
        raise AgiProtocolError("510: Asterisk does not know the command")
    if code == b"520":
        raise AgiProtocolError("520: wrong usage of the command")
    raise AgiProtocolError("unexpected reply")
