"""Signed requests between this line and other systems: HMAC-SHA256 over who, with which key, when, which and what.

One scheme for what we send and for what we take. Method, target and body are signed, so that no part of a request can
be used in another one; the time bounds how long a copied request is of use, and within that time the id makes a repeat
known. A key is named by a tag of it, so that both sides can change it without a gap.

    X-Hotline-Sender: smx
    X-Hotline-Key: 5f1c0a9e2b7d
    X-Hotline-Timestamp: 1763761000
    X-Hotline-Id: 0f4c...
    X-Hotline-Signature: v2=<hex of HMAC-SHA256(key, "v2\\n" sender "\\n" key id "\\n" timestamp "\\n" id "\\n"
                         method "\\n" target "\\n" body)>

The target is path and query as they stand in the request line. Data that go with a call are signed by an older scheme
without key id and target (`calls.handover_signature`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hotline.errors import NotSignedIn

SENDER: Final = "X-Hotline-Sender"
KEY: Final = "X-Hotline-Key"
TIMESTAMP: Final = "X-Hotline-Timestamp"
ID: Final = "X-Hotline-Id"
SIGNATURE: Final = "X-Hotline-Signature"
HEADERS: Final = (SENDER, KEY, TIMESTAMP, ID, SIGNATURE)

_VERSION: Final = "v2"
# None of them holds a line feed, so that no two requests sign the same text.
_SENDER: Final = re.compile(r"[a-z][a-z0-9-]{0,23}")
_KEY: Final = re.compile(r"[0-9a-f]{12}")
_TIMESTAMP: Final = re.compile(r"0|[1-9][0-9]{0,11}")
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SIGNATURE: Final = re.compile(r"v2=[0-9a-f]{64}")


class BadSignature(NotSignedIn):
    """Not signed as agreed, by nobody we know, or with another key. Which of these, it does not say."""

    code = "signature.bad"


class OutsideWindow(NotSignedIn):
    """Signed rightly, but for another time: a copied request, or a clock that is wrong."""

    code = "signature.outside_window"


class Keys(Protocol):
    """Where the keys are kept: by the name of who signs with them, the newest first."""

    def of(self, partner: str, /) -> Sequence[bytes]:
        """The keys of one; empty: it has none. Raises PartUnavailable."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed of a request. `method` in capitals; `target` is path and query, as sent."""

    method: str
    target: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of itself, still to be proven: who, with which key, when (seconds since 1970 UTC), under
    which id."""

    sender: str
    key_id: str
    timestamp: int
    id: str
    signature: str


def key_id(key: bytes) -> str:
    """How a key is named: twelve hexadecimal digits that tell nothing of it."""
    return hashlib.sha256(b"hotline key\n" + key).hexdigest()[:12]


def headers(key: bytes, request: Request, *, sender: str, timestamp: int, id: str) -> dict[str, str]:
    """The headers that go with a request."""
    claim = Claim(sender, key_id(key), timestamp, id, "")
    return {
        SENDER: sender,
        KEY: claim.key_id,
        TIMESTAMP: str(timestamp),
        ID: id,
        SIGNATURE: f"{_VERSION}={_mac(key, claim, request)}",
    }


def claimed(found: Mapping[str, str]) -> Claim:
    """What the headers of a request say. Raises BadSignature for what is no signed request."""
    sender, key, timestamp, identity, signature = (found.get(name, "") for name in HEADERS)
    if not (
        _SENDER.fullmatch(sender)
        and _KEY.fullmatch(key)
        and _TIMESTAMP.fullmatch(timestamp)
        and _ID.fullmatch(identity)
        and _SIGNATURE.fullmatch(signature)
    ):
        raise BadSignature(f"a request is signed with {', '.join(HEADERS)}")
    return Claim(sender, key, int(timestamp), identity, signature)


def verify(keys: Sequence[bytes], claim: Claim, request: Request, *, now: float, window_seconds: float) -> None:
    """Prove a request against the sender's keys; `now` in seconds since 1970 UTC. Raises BadSignature,
    OutsideWindow."""
    # Every key is tried, so that the time taken does not tell which one was near.
    proven = [
        hmac.compare_digest(claim.signature, f"{_VERSION}={_mac(key, claim, request)}") & (key_id(key) == claim.key_id)
        for key in keys
    ]
    if not any(proven):
        raise BadSignature("the signature does not fit")
    if abs(now - claim.timestamp) > window_seconds:
        raise OutsideWindow("the timestamp is outside the window", remedy="set the clock by NTP")


def _mac(key: bytes, claim: Claim, request: Request) -> str:
    said = (_VERSION, claim.sender, claim.key_id, str(claim.timestamp), claim.id, request.method, request.target, "")
    return hmac.new(key, "\n".join(said).encode() + request.body, hashlib.sha256).hexdigest()
