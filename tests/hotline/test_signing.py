"""Signed requests: only the same request, by the same sender, with a known key, in time."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac

import pytest

from hotline.signing import (
    HEADERS,
    BadSignature,
    Claim,
    OutsideWindow,
    Request,
    claimed,
    headers,
    key_id,
    verify,
)

KEY = b"k" * 32
FORMER = b"f" * 32
NOW = 1_763_761_000
REQUEST = Request("POST", "/api/exchange/incoming?x=1", b'{"number":"1"}')


def signed(request: Request = REQUEST, key: bytes = KEY) -> dict[str, str]:
    return headers(key, request, sender="province", timestamp=NOW, id="m-1")


def check(found: dict[str, str], request: Request = REQUEST, *, now: float = NOW) -> Claim:
    claim = claimed(found)
    verify([KEY, FORMER], claim, request, now=now, window_seconds=300)
    return claim


def test_the_signature_is_the_one_the_scheme_says() -> None:
    text = f"v2\nprovince\n{key_id(KEY)}\n{NOW}\nm-1\nPOST\n/api/exchange/incoming?x=1\n".encode() + REQUEST.body
    assert signed()["X-Hotline-Signature"] == "v2=" + hmac.new(KEY, text, hashlib.sha256).hexdigest()


def test_a_signed_request_is_known_by_sender_and_id() -> None:
    claim = check(signed())
    assert (claim.sender, claim.id, claim.timestamp) == ("province", "m-1", NOW)


def test_the_former_key_still_counts() -> None:
    assert check(signed(key=FORMER)).key_id == key_id(FORMER) != key_id(KEY)


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(REQUEST, method="PUT"),
        dataclasses.replace(REQUEST, target="/api/exchange/incoming?x=2"),
        dataclasses.replace(REQUEST, body=b"{}"),
    ],
)
def test_no_part_of_a_request_can_be_exchanged(other: Request) -> None:
    with pytest.raises(BadSignature):
        check(signed(), other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Hotline-Sender", "city"),
        ("X-Hotline-Id", "m-2"),
        ("X-Hotline-Timestamp", str(NOW + 1)),
        ("X-Hotline-Key", key_id(FORMER)),
        ("X-Hotline-Signature", "v2=" + "0" * 64),
        ("X-Hotline-Sender", "province\nx"),
        ("X-Hotline-Timestamp", f"0{NOW}"),
    ],
)
def test_no_header_can_be_exchanged(name: str, value: str) -> None:
    with pytest.raises(BadSignature):
        check(signed() | {name: value})


@pytest.mark.parametrize("missing", HEADERS)
def test_no_header_can_be_left_out(missing: str) -> None:
    with pytest.raises(BadSignature):
        check({name: value for name, value in signed().items() if name != missing})


@pytest.mark.parametrize("late", [-301, 301])
def test_a_copied_request_is_of_no_use_later(late: int) -> None:
    check(signed(), now=NOW + late - late // abs(late))
    with pytest.raises(OutsideWindow):
        check(signed(), now=NOW + late)


def test_another_key_is_nobodys() -> None:
    with pytest.raises(BadSignature):
        check(signed(key=b"x" * 32))
