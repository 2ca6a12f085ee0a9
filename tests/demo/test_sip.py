"""SIP messages of the demonstration phone: parse and build, Digest, SDP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.demo import sip
from server.demo.sip import Message, digest_answer, media_address, offer_sdp, parse, tag_of, uri_of

INVITE = (
    b"INVITE sip:8001@127.0.0.1:5070 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK1\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:15061;branch=z9hG4bK2\r\n"
    b'f: "Ann" <sip:13812345678@127.0.0.1>;tag=abc\r\n'
    b"t: <sip:8001@127.0.0.1>\r\n"
    b"i: 4711@asterisk\r\n"
    b"CSeq: 102 INVITE\r\n"
    b"m: <sip:asterisk@127.0.0.1:15060>\r\n"
    b"l: 3\r\n\r\nv=0"
)


def test_a_request_with_compact_headers() -> None:
    message = parse(INVITE)
    assert (message.method, message.uri, message.status, message.body) == (
        "INVITE",
        "sip:8001@127.0.0.1:5070",
        0,
        "v=0",
    )
    assert message.get("call-id") == "4711@asterisk"
    assert message.cseq == (102, "INVITE")
    assert [value[-1] for _, value in message.all("via")] == ["1", "2"], "vias keep their order"
    assert (tag_of(message.get("from")), tag_of(message.get("to"))) == ("abc", "")
    assert uri_of(message.get("contact")) == "sip:asterisk@127.0.0.1:15060"
    assert uri_of("sip:1@h;tag=3") == "sip:1@h"


def test_a_response_whose_reason_has_blanks() -> None:
    message = parse(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n")
    assert (message.status, message.reason) == (486, "Busy Here")


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"hello", b"SIP/2.0 abc def\r\n\r\n"])
def test_what_is_not_sip_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what the phone catches
        parse(raw)


_TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(
    lambda name: name not in ("content-length", "l", "v", "f", "t", "i", "m")
)
_VALUE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs", "Cc", "Zs")), max_size=20)


@given(headers=st.lists(st.tuples(_TOKEN, _VALUE), max_size=8), body=_VALUE)
def test_what_is_built_is_read_back(headers: list[tuple[str, str]], body: str) -> None:
    headers = [(name, value.strip()) for name, value in headers]
    message = Message(method="OPTIONS", uri="sip:x@y", headers=headers, body=body)
    assert parse(message.dump()) == message
    assert f"Content-Length: {len(body.encode())}\r\n".encode() in message.dump()


def test_digest_as_in_rfc_2617(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 3.5: Mufasa, Circle Of Life."""
    monkeypatch.setattr(sip, "new_token", lambda: "0a4f113b")
    answer = digest_answer(
        'Digest realm="testrealm@host.com", qop="auth", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"',
        user="Mufasa",
        password="Circle Of Life",
        method="GET",
        uri="/dir/index.html",
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in answer
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in answer
    assert 'qop=auth, nc=00000001, cnonce="0a4f113b"' in answer


def test_digest_without_qop_as_in_rfc_2069() -> None:
    """The example of RFC 2069, section 2.4, as corrected by its errata."""
    answer = digest_answer(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        user="Mufasa",
        password="CircleOfLife",
        method="GET",
        uri="/dir/index.html",
    )
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer
    assert "qop" not in answer


def test_sound_is_offered_and_found() -> None:
    assert media_address(offer_sdp("127.0.0.1", 40_000)) == ("127.0.0.1", 40_000)
    with pytest.raises(ValueError, match="no audio"):
        media_address("v=0\r\n")
