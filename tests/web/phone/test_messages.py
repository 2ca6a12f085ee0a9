"""What a browser phone may say: its own extension, in the one form that Asterisk cannot read otherwise."""

from __future__ import annotations

import re

import pytest

from tests.web.phone.sip_client import md5, message
from web.phone.messages import NotThisPhone, check, parameters, read
from web.phone.proof import proved_anew, session_password

PROOF = 'Digest algorithm=MD5, username="9001", realm="asterisk", nonce="n", uri="sip:hotline.invalid", response="{}"'


def register(**changed: str) -> str:
    headers = {
        "Via": "SIP/2.0/WS a.invalid;branch=z9hG4bK1",
        "To": "<sip:9001@hotline.invalid>",
        "From": '"坐席 1" <sip:9001@hotline.invalid>;tag=1',
        "Call-ID": "abc",
        "CSeq": "1 REGISTER",
        "Contact": '<sip:x@a.invalid;transport=ws>;+sip.ice;reg-id=1;+sip.instance="<urn:uuid:1>";expires=120',
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return message("REGISTER sip:hotline.invalid SIP/2.0", list(headers.items()))


def invite(sender: str, to: str, method: str = "INVITE") -> str:
    return (
        register(To=to, From=sender, CSeq=f"1 {method}")
        .replace("REGISTER sip:", f"{method} sip:x@", 1)
        .replace("Content-Length: 0\r\n\r\n", "Content-Length: 5\r\n\r\nv=0\r\n")
    )


def test_what_our_page_says_goes_through_as_it_was() -> None:
    for text in (
        register(),
        register(Authorization=PROOF.format("0" * 32)),
        invite("<sip:9001@hotline.invalid>;tag=1", "<sip:12345@hotline.invalid>"),
        # Within a dialog the phone is what Asterisk called it.
        invite("<sip:k3j2@x.invalid;transport=ws>;tag=1", "<sip:13900000000@10.0.0.1>;tag=2", "BYE"),
        message(
            "SIP/2.0 200 OK",
            [("Via", "x"), ("v", "y"), ("f", "a"), ("t", "b"), ("i", "c"), ("CSeq", "1 OPTIONS")],
        ),
    ):
        said = read(text)
        check(said, "9001")
        again = read(said.dump())
        assert (again.first, list(again.headers), again.body) == (said.first, list(said.headers), said.body)
        assert [one.lower() for one in said.dump().split("\r\n")] == [
            re.sub(r"^([vfti]):", lambda one: {"v": "via", "f": "from", "t": "to", "i": "call-id"}[one[1]] + ":", line)
            for line in text.lower().split("\r\n")
        ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "REGISTER sip:hotline.invalid SIP/2.0",
        register().replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1),
        register().replace("REGISTER sip:hotline.invalid", "REGISTER  sip:hotline.invalid"),
        register().replace("\r\nTo:", "\r\n To:"),
        register().replace("\r\nTo:", "\nTo:"),
        register().replace("\r\nTo:", "\rTo:"),
        register().replace("\r\nTo:", "\r\nTo :"),
        register().replace("Call-ID: abc", "Call-ID: abc\nFrom: <sip:9002@x>"),
        register().replace("Call-ID: abc", "Call-ID: abc\r\n\t<sip:9002@x>"),
        register().replace("Call-ID: abc", "Call-ID: abc\r\nFrom: <sip:9002@x>"),
        register().replace("Call-ID: abc", "Call-ID: abc\r\nf: <sip:9002@x>"),
        register().replace("Call-ID: abc\r\n", ""),
        register().replace("Content-Length: 0\r\n", ""),
        register().replace("Content-Length: 0", "Content-Length: 00"),
        register().replace("Content-Length: 0", "Content-Length: 7"),
        register() + register(To="<sip:9002@x>"),
        register() + "\r\n" + register(),
        register(Call_ID="x" * 40_000),
        register(Call_ID="a\x00b"),
    ],
)
def test_what_could_be_read_otherwise_is_not_read(text: str) -> None:
    with pytest.raises(NotThisPhone):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        register(To="<sip:9002@hotline.invalid>"),
        register(From="<sip:9002@hotline.invalid>;tag=1"),
        register(To="<sip:9002@hotline.invalid>;tag=1", From="<sip:9002@hotline.invalid>;tag=1"),
        register(To="sip:9001@hotline.invalid"),
        register(From='"a" <sip:9002@x> <sip:9001@x>;tag=1'),
        register(From="<sip:9001:p@x>;tag=1"),
        register(From='"\\" <sip:9002@x>" <sip:9001@x>;tag=1'),
        register(CSeq="1 INVITE"),
        register(Path="<sip:10.0.0.9>"),
        register(Route="<sip:10.0.0.9>"),
        register(P_Asserted_Identity="<sip:110@x>"),
        register(Authorization=PROOF.replace("9001", "9002").format("0" * 32)),
        register(Authorization=PROOF.format("0" * 32) + ', username="9002"'),
        register(Authorization='Digest x="y", Digest username="9001"'),
        register(Proxy_Authorization="Basic 9001"),
        register().replace("REGISTER", "SUBSCRIBE"),
        register().replace("REGISTER", "REFER"),
        register().replace("REGISTER", "MESSAGE"),
        invite("<sip:9002@hotline.invalid>;tag=1", "<sip:12345@hotline.invalid>"),
        invite("<sip:9002@hotline.invalid>;tag=1", "<sip:12345@hotline.invalid>;xtag=1"),
    ],
)
def test_another_extensions_words_are_refused(text: str) -> None:
    said = read(text)
    with pytest.raises(NotThisPhone):
        check(said, "9001")


def proof(password: str, **changed: str) -> str:
    response = md5(f"{md5(f'9001:asterisk:{password}')}:n:00000001:c:auth:{md5('REGISTER:sip:hotline.invalid')}")
    return PROOF.format(changed.get("response", response)) + ', qop=auth, cnonce="c", nc=00000001, opaque="o"'


def test_a_right_proof_is_made_anew_with_the_real_password() -> None:
    known = session_password("real", 7)
    assert known != session_password("real", 8) != "real"
    said = proved_anew(read(register(Authorization=proof(known))), known=known, real="real")
    assert parameters(said.one("authorization")) == parameters(proof("real"))
    assert known not in said.dump()


@pytest.mark.parametrize(
    "given",
    [
        proof("real"),
        proof("another"),
        proof("known", response="zz"),
        proof("known").replace("algorithm=MD5", "algorithm=SHA-256"),
        proof("known").replace("qop=auth", "qop=auth-int"),
        proof("known").replace(', cnonce="c"', ""),
        proof("known").replace('realm="asterisk", ', ""),
    ],
)
def test_a_wrong_proof_goes_no_further(given: str) -> None:
    with pytest.raises(NotThisPhone):
        proved_anew(read(register(Authorization=given)), known="known", real="real")
