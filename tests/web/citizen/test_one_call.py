"""What a page may say in its one call: an INVITE to the main line, and what ends it."""

from __future__ import annotations

import pytest

from calls.web_calls import ENDPOINT
from tests.web.phone.sip_client import message
from web.phone.messages import NotThisPhone, read
from web.web_calls.one_call import OneCall

PROOF = f'Digest algorithm=MD5, username="{ENDPOINT}", realm="asterisk", nonce="n", uri="x", response="r"'
SDP = "v=0\r\n"


def said(
    method: str, cseq: int = 1, *, to: str = "<sip:12345@hotline.invalid>", call: str = "abc", more: str = "",
    body: str = "", target: str = "sip:12345@hotline.invalid", sender: str = ENDPOINT,
) -> str:  # fmt: skip
    headers = [
        ("Via", "SIP/2.0/WS a.invalid;branch=z9hG4bK1"),
        ("Max-Forwards", "69"),
        ("To", to),
        ("From", f"<sip:{sender}@hotline.invalid>;tag=1"),
        ("Call-ID", call),
        ("CSeq", f"{cseq} {method}"),
        *([("Content-Type", "application/sdp")] if body else []),
        *(tuple(line.split(": ", 1)) for line in more.splitlines()),
    ]
    return message(f"{method} {target} SIP/2.0", headers, body)  # type: ignore[arg-type]


def invite(cseq: int = 1, **changed: str) -> str:
    proof = f"Authorization: {PROOF}" if cseq > 1 else ""
    return said("INVITE", cseq, **({"more": proof, "body": SDP} | changed))


def answer(status: int, cseq: str, tag: str = "2") -> str:
    headers = [
        ("Via", "SIP/2.0/WS a.invalid;branch=z9hG4bK1"),
        ("To", f"<sip:12345@hotline.invalid>;tag={tag}"),
        ("From", f"<sip:{ENDPOINT}@hotline.invalid>;tag=1"),
        ("Call-ID", "abc"),
        ("CSeq", cseq),
        ("Contact", "<sip:127.0.0.1:5060;transport=ws>"),
    ]
    return message(f"SIP/2.0 {status} X", headers)


@pytest.fixture
def asked() -> OneCall:
    """Asterisk has been asked with a proof."""
    call = OneCall("+8613900001111")
    call.from_page(invite())
    call.from_asterisk(answer(401, "1 INVITE"))
    call.from_page(said("ACK", to="<sip:12345@hotline.invalid>;tag=9"))
    call.from_page(invite(2))
    return call


def test_one_call_from_the_invite_to_the_end(asked: OneCall) -> None:
    assert asked.began.is_set()
    asked.from_asterisk(answer(100, "2 INVITE"))
    asked.from_asterisk(answer(200, "2 INVITE"))
    within = "<sip:12345@hotline.invalid>;tag=2"
    asked.from_page(said("ACK", 2, to=within, target="sip:127.0.0.1:5060;transport=ws"))
    asked.from_page(answer(200, "5 UPDATE"))
    assert not asked.over.is_set()
    asked.from_page(said("BYE", 3, to=within, target="sip:127.0.0.1:5060;transport=ws"))
    assert asked.over.is_set()
    assert asked.ending() == "", "the page has hung up itself"


def test_the_number_the_citizen_typed_goes_with_the_call() -> None:
    assert OneCall("+8613900001111").from_page(invite()).headers[-1] == ("X-HL-Declared", "+8613900001111")
    assert all(name != "X-HL-Declared" for name, _ in OneCall().from_page(invite()).headers)


@pytest.mark.parametrize(
    "text",
    [
        invite(target="sip:110@hotline.invalid"),
        invite(target="sip:9001@hotline.invalid"),
        invite(target="sip:12345@hotline.invalid;transport=udp"),
        invite(to="<sip:110@hotline.invalid>"),
        invite(to="<sip:12345@hotline.invalid>;tag=7"),
        invite(sender="9001"),
        invite(sender="13800000001"),
        invite(more="X-HL-Declared: 13900001111"),
        invite(more="Diversion: <sip:12366@x>"),
        invite(more="History-Info: <sip:12366@x>"),
        invite(more="Replaces: x;to-tag=1;from-tag=2"),
        invite(more="P-Asserted-Identity: <sip:110@x>"),
        invite(more="Privacy: id"),
        invite(more="Route: <sip:x>"),
        invite(more=f"Authorization: {PROOF}"),
        invite().replace("application/sdp", "application/dtmf-relay"),
        *(said(method) for method in ("REGISTER", "MESSAGE", "REFER", "SUBSCRIBE", "OPTIONS", "INFO", "UPDATE")),
        said("BYE"),
        said("CANCEL"),
        answer(200, "1 OPTIONS"),
    ],
)  # fmt: skip
def test_whatever_else_a_page_says_first_goes_no_further(text: str) -> None:
    call = OneCall()
    with pytest.raises(NotThisPhone):
        call.from_page(text)
    assert call.ending() == ""


@pytest.mark.parametrize(
    "text",
    [
        invite(),
        invite(2),
        invite(3),
        invite(3, call="other"),
        said("INVITE", 3, to="<sip:12345@hotline.invalid>;tag=2", body=SDP),
        said("BYE", 3, call="other"),
        *(said(method, 3, to="<sip:12345@hotline.invalid>;tag=2") for method in ("INFO", "REFER", "UPDATE", "MESSAGE")),
        said("BYE", 3, to="<sip:12345@hotline.invalid>;tag=2", body=SDP),
    ],
)
def test_nothing_but_its_end_follows_in_the_call(asked: OneCall, text: str) -> None:
    asked.from_asterisk(answer(200, "2 INVITE"))
    with pytest.raises(NotThisPhone):
        asked.from_page(text)


def test_a_second_call_of_another_name_is_not_proved() -> None:
    call = OneCall()
    call.from_page(invite())
    with pytest.raises(NotThisPhone):
        call.from_page(invite(2, call="other"))


def test_a_page_that_says_too_much_is_not_listened_to(asked: OneCall) -> None:
    with pytest.raises(NotThisPhone):  # noqa: PT012 - the one that is too many
        for _ in range(400):
            asked.from_page(answer(200, "5 UPDATE"))


def test_for_a_page_that_left_before_the_answer_the_invite_is_cancelled(asked: OneCall) -> None:
    last = read(asked.ending())
    assert (last.method, last.one("cseq"), last.one("via")) == (
        "CANCEL",
        "2 CANCEL",
        "SIP/2.0/WS a.invalid;branch=z9hG4bK1",
    )
    assert last.first == "CANCEL sip:12345@hotline.invalid SIP/2.0"


def test_for_a_page_that_left_in_the_talk_the_talk_is_ended(asked: OneCall) -> None:
    asked.from_asterisk(answer(200, "2 INVITE"))
    last = read(asked.ending())
    assert last.first == "BYE sip:127.0.0.1:5060;transport=ws SIP/2.0"
    assert (last.one("cseq"), last.one("call-id")) == ("3 BYE", "abc")
    assert last.one("to") == "<sip:12345@hotline.invalid>;tag=2"


@pytest.mark.parametrize("text", [answer(486, "2 INVITE"), said("BYE", 7)])
def test_what_asterisk_ended_is_over(asked: OneCall, text: str) -> None:
    asked.from_asterisk(text)
    assert asked.over.is_set()
    assert asked.ending() == ""


@pytest.mark.parametrize("text", ["", "\r\n", answer(401, "1 INVITE"), answer(200, "2 BYE"), answer(180, "2 INVITE")])
def test_what_asterisk_says_besides_ends_nothing(asked: OneCall, text: str) -> None:
    asked.from_asterisk(text)
    assert not asked.over.is_set()
