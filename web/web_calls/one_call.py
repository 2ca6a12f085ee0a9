"""What a page may say to Asterisk in its one call: an INVITE to the main line, and what ends it. Nothing else.

Stricter than an agent's phone (`web.phone.messages`): nobody knows who speaks here. Headers are those that our page's
phone writes; whatever else could say who calls, whence or whereto ends the line.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Final

from calls.web_calls import DECLARED, ENDPOINT
from directory.modes import MAIN_LINE
from hotline import ids
from web.phone.messages import NotThisPhone, Said, check, read

_METHODS: Final = frozenset({"INVITE", "ACK", "CANCEL", "BYE"})
_HEADERS: Final = frozenset(
    {
        "accept", "allow", "authorization", "call-id", "contact", "content-length", "content-type", "cseq", "from",
        "max-forwards", "reason", "supported", "to", "user-agent", "via",
    }
)  # fmt: skip
_TARGET: Final = re.compile(rf"sip:{MAIN_LINE}@[A-Za-z0-9.-]{{1,64}}")
_TO: Final = re.compile(rf"<sip:{MAIN_LINE}@[A-Za-z0-9.-]{{1,64}}>")
_CONTACT: Final = re.compile(r"<(sips?:[^\s<>\"]{1,256})>")
_DESCRIPTION: Final = "application/sdp"
_MOST_MESSAGES: Final = 300
"""Of a page in one call: a few are usual, and a long call may have Asterisk ask now and then."""


class OneCall:
    """The call of one socket. `declared` is the number the citizen typed, which goes with the INVITE; or empty."""

    def __init__(self, declared: str = "") -> None:
        self._declared = declared
        self._messages = 0
        self._asked: Said | None = None
        self._answered: Said | None = None
        self.began = asyncio.Event()
        """Asterisk was asked with a proof."""
        self.over = asyncio.Event()
        """It has ended, or was refused."""

    def from_page(self, text: str) -> Said:
        """What goes on to Asterisk of what the page says. Raises NotThisPhone."""
        self._messages += 1
        if self._messages > _MOST_MESSAGES:
            raise NotThisPhone("the page says too much")
        said = read(text)
        if others := {name for name, _ in said.headers} - _HEADERS:
            raise NotThisPhone(f"the page does not say {min(others)}")
        if said.body and said.all("content-type") != [_DESCRIPTION]:
            raise NotThisPhone("the page describes sound, and sends nothing else")
        check(said, ENDPOINT)
        if said.method == "INVITE":
            return self._invite(said)
        if self._asked is None or said.one("call-id") != self._asked.one("call-id"):
            raise NotThisPhone("this is of no call of the page's")
        if said.method:
            self._within(said)
        return said

    def _invite(self, said: Said) -> Said:
        """The call: without a proof first, then with one, and never again."""
        target = said.first.split(" ")[1]
        if not _TARGET.fullmatch(target) or not _TO.fullmatch(said.one("to")):
            raise NotThisPhone(f"the page calls {MAIN_LINE} and nobody else")
        proved = bool(said.all("authorization"))
        before = self._asked
        if before is None:
            again = proved
        else:
            same = all(said.one(name) == before.one(name) for name in ("call-id", "from"))
            again = not proved or not same or self.began.is_set()
        if again:
            raise NotThisPhone("the page calls once")
        self._asked = said
        if proved:
            self.began.set()
        if not self._declared:
            return said
        return replace(said, headers=[*said.headers, (DECLARED, self._declared)])

    def _within(self, said: Said) -> None:
        if said.method not in _METHODS or said.body or said.all("authorization"):
            raise NotThisPhone("the page does not ask for this")
        if said.method == "BYE":
            self.over.set()

    def from_asterisk(self, text: str) -> None:
        """Take note of what Asterisk says: whether it answered, and whether it hung up."""
        try:
            said = read(text)
        except NotThisPhone:
            return
        if said.method == "BYE":
            self.over.set()
        if said.method or not said.one("cseq").endswith(" INVITE") or not self.began.is_set():
            return
        status = int(said.first.split(" ")[1])
        # The refusal that asks for a proof is of the INVITE before.
        own = self._asked is not None and said.one("cseq") == self._asked.one("cseq")
        if own and 200 <= status < 300:
            self._answered = said
        elif own and status >= 300:
            self.over.set()

    def ending(self) -> str:
        """What hangs up for a page that has left without a word; empty: there is nothing to hang up."""
        asked = self._asked
        if asked is None or not self.began.is_set() or self.over.is_set():
            return ""
        number = int(asked.one("cseq").split(" ")[0])
        contact = _CONTACT.search(self._answered.one("contact")) if self._answered else None
        if self._answered is None or contact is None:
            target, method, via, to = asked.first.split(" ")[1], "CANCEL", asked.one("via"), asked.one("to")
        else:
            target, method, number, to = contact[1], "BYE", number + 1, self._answered.one("to")
            via = f"SIP/2.0/WS page.invalid;branch=z9hG4bK{ids.token(9)}"
        headers = [
            ("via", via),
            ("max-forwards", "69"),
            ("to", to),
            ("from", asked.one("from")),
            ("call-id", asked.one("call-id")),
            ("cseq", f"{number} {method}"),
            ("content-length", "0"),
        ]
        return Said(f"{method} {target} SIP/2.0", method, headers, b"").dump()
