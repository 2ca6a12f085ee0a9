"""What a browser phone may say to Asterisk: SIP (RFC 3261) over a WebSocket (RFC 7118), as its own extension alone.

Asterisk reads SIP leniently: a folded line, a bare line feed, a second message behind the first one. Each could say
something else there than it says here, so whatever is not in the plain form that our own page writes is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hotline.errors import NotAllowed

LONGEST_MESSAGE: Final = 32_768
"""Bytes; a session description with all its candidates has some thousand."""

_METHODS: Final = frozenset({"REGISTER", "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO", "PRACK"})
"""Agents' phones transfer nothing, watch nobody and write to nobody."""

_COMPACT: Final = {
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "v": "via",
}
_ONCE: Final = ("from", "to", "call-id", "cseq", "content-length")
_NEVER: Final = frozenset(
    {"path", "route", "p-asserted-identity", "p-preferred-identity", "remote-party-id", "refer-to", "referred-by"}
)
"""They say who one is, or where a call should go, beside what is looked at here."""

_FIRST: Final = re.compile(r"(?:([A-Z]{2,16}) ([^\s]{1,512}) SIP/2\.0|SIP/2\.0 [1-6][0-9]{2} ?[^\x00-\x1f\x7f]{0,128})")
_HEADER: Final = re.compile(r"([A-Za-z0-9-]{1,64}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_ADDRESS: Final = re.compile(
    r'(?:"[^"\\]{0,128}" ?|[A-Za-z0-9 ._-]{0,64})<sips?:([^@:;?>\s"]{1,64})@[^>\s"]{1,255}>(;.*)?'
)
_TAG: Final = re.compile(r";\s*tag=[^\s;]+", re.IGNORECASE)
_PARAMETER: Final = re.compile(r'([a-z-]{1,32})=(?:"([^"\\]{0,512})"|([^\s,"]{1,512}))')


class NotThisPhone(NotAllowed):
    """A message that this extension's phone does not send."""

    code = "phone.not_allowed"


@dataclass(frozen=True, slots=True)
class Said:
    """A message in plain form. Header names are lower case; `method` is empty for an answer."""

    first: str
    method: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def one(self, name: str) -> str:
        """The header that there is once."""
        return next(value for known, value in self.headers if known == name)

    def all(self, name: str) -> list[str]:
        """Every header of this name."""
        return [value for known, value in self.headers if known == name]

    def dump(self) -> str:
        """As it is sent on."""
        lines = [self.first, *(f"{name.title()}: {value}" for name, value in self.headers)]
        return "\r\n".join(lines) + "\r\n\r\n" + self.body.decode("utf-8", "surrogatepass")


def read(text: str) -> Said:
    """A message of a phone. Raises NotThisPhone for anything but one whole message in plain form."""
    head, blank, rest = text.partition("\r\n\r\n")
    body = rest.encode("utf-8", "surrogatepass")
    first, *lines = head.split("\r\n")
    found = _FIRST.fullmatch(first)
    if not blank or found is None or len(body) + len(head) > LONGEST_MESSAGE:
        raise NotThisPhone("not one whole SIP message")
    headers = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise NotThisPhone("a header is not in plain form")
        name = header[1].lower()
        headers.append((_COMPACT.get(name, name), header[2].strip()))
    names = [name for name, _ in headers]
    if any(names.count(name) != 1 for name in _ONCE):
        raise NotThisPhone("a header is missing, or there twice")
    said = Said(first, found[1] or "", headers, body)
    if said.one("content-length") != str(len(body)):
        raise NotThisPhone("the body does not have the length it is said to have")
    return said


def check(said: Said, extension: str) -> None:
    """Raises NotThisPhone unless the phone of `extension` may say this."""
    if not said.method:
        return
    if said.method not in _METHODS or said.one("cseq").rpartition(" ")[2] != said.method:
        raise NotThisPhone("phones do not ask for this")
    if forbidden := _NEVER.intersection(name for name, _ in said.headers):
        raise NotThisPhone(f"phones do not say {sorted(forbidden)[0]}")
    to = _ADDRESS.fullmatch(said.one("to"))
    sender = _ADDRESS.fullmatch(said.one("from"))
    if to is None or sender is None:
        raise NotThisPhone("an address is not in plain form")
    within = bool(_TAG.search(to[2] or ""))
    # Within a dialog that Asterisk began, the phone is what Asterisk called it; outside of one it is its extension.
    if (not within or said.method == "REGISTER") and sender[1] != extension:
        raise NotThisPhone("the phone says it is another extension")
    if said.method == "REGISTER" and to[1] != extension:
        raise NotThisPhone("the phone registers another extension")
    for given in said.all("authorization") + said.all("proxy-authorization"):
        if parameters(given).get("username") != extension:
            raise NotThisPhone("the phone proves to be another extension")


def parameters(credentials: str) -> dict[str, str]:
    """Those of an Authorization header (RFC 7616). Raises NotThisPhone for anything but one plain Digest."""
    scheme, _, rest = credentials.partition(" ")
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in rest.split(","))):
        one = _PARAMETER.fullmatch(part)
        if one is None or one[1] in found:
            raise NotThisPhone("the proof is not in plain form")
        found[one[1]] = one[2] if one[2] is not None else one[3]
    if scheme != "Digest" or "username" not in found:
        raise NotThisPhone("the proof is no Digest")
    return found
