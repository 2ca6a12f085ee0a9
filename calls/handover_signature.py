"""The signature of data that go with a call (数据随话务): HMAC-SHA256 over who, when, which and what.

One scheme for both directions. The key is shared by the two sides; the sender's name is signed, so that nobody can send
our own data back to us as theirs. The id makes a repeat known, the time bounds how long a copied request is of use.

    X-Hotline-Sender: smx
    X-Hotline-Timestamp: 1763761000
    X-Hotline-Id: 0f4c...
    X-Hotline-Signature: v1=<hex of HMAC-SHA256(key, "v1\\n" sender "\\n" timestamp "\\n" id "\\n" body)>
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hotline.errors import NotSignedIn

SENDER: Final = "X-Hotline-Sender"
TIMESTAMP: Final = "X-Hotline-Timestamp"
ID: Final = "X-Hotline-Id"
SIGNATURE: Final = "X-Hotline-Signature"

_VERSION: Final = "v1"
# None of them holds a line feed, so that no two requests sign the same text.
_SENDER: Final = re.compile(r"[a-z][a-z0-9-]{0,23}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SIGNATURE: Final = re.compile(r"v1=[0-9a-f]{64}")


class BadSignature(NotSignedIn):
    """Not signed as agreed, by nobody we know, or with another key. Which of these, it does not say."""

    code = "handover.bad_signature"


class OutsideWindow(NotSignedIn):
    """Signed rightly, but for another time: a copied request, or a clock that is wrong."""

    code = "handover.outside_window"


@dataclass(frozen=True, slots=True)
class Signed:
    """Who says so, when (seconds since 1970 UTC), and under which id."""

    sender: str
    timestamp: int
    id: str


def headers(key: bytes, signed: Signed, body: bytes) -> dict[str, str]:
    """The headers that go with `body`."""
    return {
        SENDER: signed.sender,
        TIMESTAMP: str(signed.timestamp),
        ID: signed.id,
        SIGNATURE: f"{_VERSION}={_mac(key, signed, body)}",
    }


def claimed(found: Mapping[str, str]) -> Signed:
    """What a request says of itself, still to be proven. Raises BadSignature for what is no such request."""
    sender, timestamp, identity = (found.get(name, "") for name in (SENDER, TIMESTAMP, ID))
    if not (_SENDER.fullmatch(sender) and _TIMESTAMP.fullmatch(timestamp) and _ID.fullmatch(identity)):
        raise BadSignature("a request is signed with sender, timestamp, id and signature")
    if str(int(timestamp)) != timestamp:
        raise BadSignature("a timestamp has no leading zero")
    return Signed(sender, int(timestamp), identity)


def verify(
    keys: Sequence[bytes], signed: Signed, signature: str, body: bytes, *, now: float, window_seconds: float
) -> None:
    """Prove a request against any of the sender's keys. Raises BadSignature, OutsideWindow."""
    given = signature if _SIGNATURE.fullmatch(signature) else ""
    # Every key is tried, so that the time taken does not tell which one was near.
    proven = [hmac.compare_digest(given, f"{_VERSION}={_mac(key, signed, body)}") for key in keys]
    if not any(proven):
        raise BadSignature("the signature does not fit")
    if abs(now - signed.timestamp) > window_seconds:
        raise OutsideWindow("the timestamp is outside the window", remedy="set the clock by NTP")


def _mac(key: bytes, signed: Signed, body: bytes) -> str:
    told = "\n".join((_VERSION, signed.sender, str(signed.timestamp), signed.id, "")).encode()
    return hmac.new(key, told + body, hashlib.sha256).hexdigest()
