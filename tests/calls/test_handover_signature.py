"""The signature of hand-overs: what was signed is what holds, and nothing else does."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.handover_keys import PartnerKeys
from calls.handover_signature import (
    ID,
    SENDER,
    SIGNATURE,
    TIMESTAMP,
    BadSignature,
    OutsideWindow,
    Signed,
    claimed,
    headers,
    verify,
)
from hotline.errors import InvalidInput, PartUnavailable

NOW = 1_763_761_000
KEY = b"0123456789abcdef0123456789abcdef"

senders = st.from_regex(r"[a-z][a-z0-9-]{0,23}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True)
signs = st.builds(Signed, senders, st.integers(0, 10**12 - 1), ids)
keys = st.binary(min_size=32, max_size=64)


def check(key: bytes, sent: dict[str, str], body: bytes, *, now: float | None = None) -> None:
    signed = claimed(sent)
    at = signed.timestamp if now is None else now
    verify([key], signed, sent[SIGNATURE], body, now=at, window_seconds=300)


@given(keys, signs, st.binary(max_size=200))
def test_what_was_signed_holds(key: bytes, signed: Signed, body: bytes) -> None:
    sent = headers(key, signed, body)
    assert claimed(sent) == signed
    check(key, sent, body)


@given(keys, signs, signs, st.binary(max_size=60), st.binary(max_size=60))
def test_nothing_else_holds(key: bytes, signed: Signed, other: Signed, body: bytes, other_body: bytes) -> None:
    sent = headers(key, signed, body)
    forged = headers(key, other, other_body) | {SIGNATURE: sent[SIGNATURE]}
    if (other, other_body) == (signed, body):
        check(key, forged, other_body)
        return
    with pytest.raises(BadSignature):
        check(key, forged, other_body)


@given(st.data())
def test_any_other_part_breaks_it(data: st.DataObject) -> None:
    signed, body = Signed("branch-12366", NOW, "a-1"), b'{"case_number":"7"}'
    sent = headers(KEY, signed, body)
    part = data.draw(st.sampled_from([SENDER, TIMESTAMP, ID, "body", "key", SIGNATURE]))
    match part:
        case "body":
            at = data.draw(st.integers(0, len(body) - 1))
            changed = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
            with pytest.raises(BadSignature):
                check(KEY, sent, changed)
        case "key":
            with pytest.raises(BadSignature):
                check(data.draw(keys.filter(lambda key: key != KEY)), sent, body)
        case _:
            with pytest.raises(BadSignature):
                check(KEY, sent | {part: data.draw(st.text(max_size=80).filter(lambda text: text != sent[part]))}, body)


def test_the_scheme_is_what_partners_were_told() -> None:
    """As decision 18 writes it down: a platform implements it from there."""
    text = b"v1\nbranch-12366\n1763761000\na-1\n" + b"{}"
    assert headers(KEY, Signed("branch-12366", NOW, "a-1"), b"{}") == {
        "X-Hotline-Sender": "branch-12366",
        "X-Hotline-Timestamp": "1763761000",
        "X-Hotline-Id": "a-1",
        "X-Hotline-Signature": "v1=" + hmac.new(KEY, text, hashlib.sha256).hexdigest(),
    }


@pytest.mark.parametrize("off", [-301, 301, -86_400, 86_400])
def test_a_request_of_another_time_is_refused(off: int) -> None:
    sent = headers(KEY, Signed("branch-12366", NOW, "a-1"), b"{}")
    with pytest.raises(OutsideWindow):
        check(KEY, sent, b"{}", now=NOW + off)
    check(KEY, sent, b"{}", now=NOW + (300 if off > 0 else -300))


def test_what_we_sent_does_not_come_back_as_theirs() -> None:
    """The key is shared, so the sender's name is signed."""
    ours = Signed("smx", NOW, "a-1")
    sent = headers(KEY, ours, b"{}")
    with pytest.raises(BadSignature):
        verify([KEY], replace(ours, sender="branch-12366"), sent[SIGNATURE], b"{}", now=NOW, window_seconds=300)


@pytest.mark.parametrize(
    "missing",
    [
        {},
        {SENDER: "branch\n1", TIMESTAMP: str(NOW), ID: "a"},
        {SENDER: "branch", TIMESTAMP: f"0{NOW}", ID: "a"},
        {SENDER: "branch", TIMESTAMP: "-1", ID: "a"},
        {SENDER: "branch", TIMESTAMP: str(NOW), ID: "a" * 65},
        {SENDER: "branch", TIMESTAMP: str(NOW), ID: "a\n"},
        {SENDER: "branch", TIMESTAMP: "１７", ID: "a"},
    ],
)
def test_what_is_no_signed_request_is_refused(missing: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        claimed(missing)


def test_nobody_without_a_key_is_believed() -> None:
    with pytest.raises(BadSignature):
        verify([], Signed("branch", NOW, "a"), "v1=" + "0" * 64, b"", now=NOW, window_seconds=300)


def test_keys_are_kept_for_their_owner_alone_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "var" / "partner-keys.json"
    keys, others = PartnerKeys(file), PartnerKeys(file)
    assert keys.of("branch-12366") == []
    first = others.change("branch-12366")
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.of("branch-12366") == [first.encode()]
    second = others.change("branch-12366")
    assert keys.of("branch-12366") == [second.encode(), first.encode()]
    third = keys.change("branch-12366", "their-own-key-of-thirty-two-characters")
    assert others.of("branch-12366") == [third.encode(), second.encode()]
    others.forget("branch-12366")
    assert (keys.of("branch-12366"), keys.partners()) == ([], set())


@pytest.mark.parametrize("key", ["short", "x" * 257, "with a\nline feed, and long enough to be a key", "钥匙" * 20])
def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    keys = PartnerKeys(tmp_path / "keys.json")
    with pytest.raises(InvalidInput):
        keys.change("branch-12366", key)
    assert keys.of("branch-12366") == []


def test_a_damaged_file_is_named_and_its_content_is_not(tmp_path: Path) -> None:
    file = tmp_path / "partner-keys.json"
    file.write_text('{"branch-12366": "secret')
    with pytest.raises(PartUnavailable) as error:
        PartnerKeys(file).of("branch-12366")
    assert "secret" not in str(error.value) + error.value.remedy
