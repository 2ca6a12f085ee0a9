"""A number is read the same however it is written, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.numbers import Caller, CallerKind, InvalidNumber, caller, normalise

AREA = "0398"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12345", "12345"),
        ("0398-12345", "12345"),
        ("039812345", "12345"),
        ("39812345", "12345"),
        ("(0398) 12345", "12345"),
        ("+8639812345", "12345"),
        ("+86398 12345", "12345"),
        ("+860398 12345", "12345"),
        ("008639812345", "12345"),
        ("8639812345", "12345"),
        ("+8612345", "12345"),
        ("１２３４５", "12345"),
        ("０３９８－１２３４５", "12345"),
        ("　12345　", "12345"),
        ("1 23 45", "12345"),
        ("12.345", "12345"),
        ("123\u201345", "12345"),
        ("\u202d12345\u202c", "12345"),
        ("sip:12345@192.0.2.1", "12345"),
        ("sips:039812345@city.example:5061;transport=tls?Subject=x", "12345"),
        ("SIP:12345@city.example", "12345"),
        ("sip:%2B8639812345@city.example;user=phone", "12345"),
        ("<sip:12345@city.example>;reason=unconditional", "12345"),
        ('"政务, 热线" <sip:12345@city.example>;tag=1', "12345"),
        ("sip:12345:secret@city.example", "12345"),
        ("sip:12345;phone-context=+86398@city.example;user=phone", "12345"),
        ("tel:12345;phone-context=+86398", "12345"),
        ("tel:+86-398-12345", "12345"),
        ("12333", "12333"),
        ("96119", "96119"),
        ("0398 96119", "96119"),
        ("39896119", "96119"),
        ("95598", "95598"),
        ("118114", "118114"),
        ("110", "110"),
        ("0398110", "110"),
        ("398110", "110"),
        ("+86398110", "110"),
        ("13812345678", "+8613812345678"),
        ("013812345678", "+8613812345678"),
        ("138 1234 5678", "+8613812345678"),
        ("+8613812345678", "+8613812345678"),
        ("8613812345678", "+8613812345678"),
        ("008613812345678", "+8613812345678"),
        ("2812345", "+863982812345"),
        ("0398-2812345", "+863982812345"),
        ("3982812345", "+863982812345"),
        ("863982812345", "+863982812345"),
        ("8612345", "+863988612345"),  # seven digits: a local number that begins with 86
        ("037112345", "+8637112345"),  # another city's 12345 is not ours
        ("010110", "+8610110"),
        ("01062345678", "+861062345678"),
        ("4006112345", "+864006112345"),
        ("+85223456789", "+85223456789"),
        ("0085223456789", "+85223456789"),
        ("+12025550123", "+12025550123"),
    ],
)
def test_written_forms(written: str, number: str) -> None:
    assert normalise(written, AREA) == number
    assert normalise(written, "398") == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "anonymous",
        "12345#",
        "*123",
        "123,45",
        "12345&110",
        "12345\r\nAction: Originate",
        "12345\x00",
        "1234五",
        "١٢٣٤٥",  # Arabic digits
        "①②③④⑤",
        "12³45",
        "12345(6",
        "012345",  # a short code has no leading 0
        "0110",
        "8001",
        "1",
        "99999",
        "+8699999",
        "+0123456789",
        "138123456789",
        "1" * 18,
        "1" * 10_000,
        "mailto:12345@city.example",
        "http://12345",
        "sip:city.example",
        "sip:;@;:<>",
    ],
)
def test_not_a_number(text: str) -> None:
    with pytest.raises(InvalidNumber) as refusal:
        normalise(text, AREA)
    assert not re.search("[0-9]{3}", str(refusal.value)), "the refused text may be personal"


def test_the_same_digits_are_a_local_number_elsewhere() -> None:
    assert normalise("39812345", "0571") == "+8657139812345"
    assert normalise("62345678", "010") == "+861062345678"
    assert normalise("1012345", "010") == "12345"


@pytest.mark.parametrize(
    ("presented", "known"),
    [
        (None, Caller(CallerKind.WITHHELD)),
        ("", Caller(CallerKind.WITHHELD)),
        ("anonymous", Caller(CallerKind.WITHHELD)),
        ("Anonymous", Caller(CallerKind.WITHHELD)),
        ("unknown", Caller(CallerKind.WITHHELD)),
        ("<unknown>", Caller(CallerKind.WITHHELD)),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', Caller(CallerKind.WITHHELD)),
        ("sip:anonymous.invalid", Caller(CallerKind.WITHHELD)),
        ("Restricted", Caller(CallerKind.WITHHELD)),
        ("13812345678", Caller(CallerKind.KNOWN, "+8613812345678")),
        ("sip:+8613812345678@carrier.example", Caller(CallerKind.KNOWN, "+8613812345678")),
        ("110", Caller(CallerKind.KNOWN, "110")),
        ("SIP/8001&PJSIP/110", Caller(CallerKind.UNREADABLE)),
        ("138,g", Caller(CallerKind.UNREADABLE)),
        ("\udcd5\udcfd", Caller(CallerKind.UNREADABLE)),
        ("x:y", Caller(CallerKind.UNREADABLE)),
        ("8001", Caller(CallerKind.UNREADABLE)),
    ],
)
def test_caller(presented: str | None, known: Caller) -> None:
    assert caller(presented, AREA) == known


_INSIDE = re.compile(r"\+[1-9][0-9]{6,14}|[1-9][0-9]{2,7}")
_DIGITISH = st.text(st.sampled_from("0123456789+-. ()０１２３４５６７８９"), max_size=24)
_AREAS = st.sampled_from(["0398", "010", "021", "0571", "0371", "0951"])


@given(st.one_of(st.text(max_size=40), _DIGITISH), _AREAS)
def test_whatever_is_taken_has_one_form_and_keeps_it(text: str, area: str) -> None:
    try:
        number = normalise(text, area)
    except InvalidNumber:
        return
    assert _INSIDE.fullmatch(number)
    assert normalise(number, area) == number


@given(
    st.sampled_from(["12345", "12333", "96119", "110", "122", "12366"]),
    st.sampled_from(["", "0398", "398", "+86398", "0086398", "86398", "+86 0398 "]),
    st.sampled_from(["{}", "sip:{}@host", "<tel:{}>", '"x" <sip:{}@h;user=phone>;index=1.1']),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_decoration_of_a_short_code(code: str, prefix: str, shape: str, wide: bool, random: object) -> None:
    # 86 398 110 without plus has eight digits and is a local number first.
    if prefix == "86398" and len(code) == 3:
        return
    text = prefix + "".join(digit + random.choice(["", "", " ", "-", "."]) for digit in code)  # type: ignore[attr-defined]
    if wide:
        text = "".join(chr(ord(c) - 0x21 + 0xFF01) if c.isdigit() else c for c in text)
    assert normalise(shape.format(text), AREA) == code


@given(st.text())
def test_a_caller_is_never_an_error(text: str) -> None:
    who = caller(text, AREA)
    assert (who.number is not None) == (who.kind is CallerKind.KNOWN)
