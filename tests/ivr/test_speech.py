"""Texts of flows: their grammar, their fixed pieces, and what is said of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.events import Number, Recording, Spelled, Words
from ivr.flow import Prompt
from ivr.speech import (
    BadText,
    Fixed,
    Form,
    UnsetVariable,
    Unspeakable,
    Variable,
    as_text,
    filled,
    fixed,
    parts,
    speech,
    variables,
)

_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
_PIECES = st.lists(
    st.one_of(
        st.text(st.characters(exclude_characters="{}", codec="utf-8"), min_size=1, max_size=8).map(Fixed),
        st.builds(Variable, _NAMES, st.sampled_from(Form)),
    ),
    max_size=6,
)


def _written(pieces: list[Fixed | Variable]) -> str:
    return "".join(
        piece.text
        if isinstance(piece, Fixed)
        else f"{{{piece.name}{'' if piece.form is Form.WORDS else f':{piece.form}'}}}"
        for piece in pieces
    )


@given(_PIECES)
def test_a_text_is_its_pieces(pieces: list[Fixed | Variable]) -> None:
    text = _written(pieces)
    assert _written(list(parts(text))) == text
    assert variables(text) == [(piece.name, piece.form) for piece in pieces if isinstance(piece, Variable)]


@given(st.text("ab{}:_1，", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        pieces = parts(text)
    except BadText as error:
        at = error.at
    else:
        at = 0
        assert _written(list(pieces)) == text
    assert 0 <= at <= len(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("您好{", 2),
        ("}", 0),
        ("{}", 0),
        ("{Name}", 0),
        ("好{n:letters}", 1),
        ("{n:words}", 0),
        ("{n:}", 0),
        ("{1a}", 0),
    ],
)
def test_a_text_nobody_can_read_says_where(text: str, at: int) -> None:
    with pytest.raises(BadText) as caught:
        parts(text)
    assert caught.value.at == at
    assert caught.value.code == "ivr.bad_text"


def test_fixed_pieces_are_what_is_rendered() -> None:
    text = "您的工单 {number:digits}，{state}。您的工单 {count:number}"
    assert fixed(text) == ["您的工单", "。您的工单"]
    said = speech(Prompt(text=text), {"number": "12", "state": "办理中", "count": "3"})
    assert said == (Words("您的工单"), Spelled("12"), Words("办理中"), Words("。您的工单"), Number(3))


@given(_PIECES)
def test_every_word_that_is_said_of_a_text_was_rendered(pieces: list[Fixed | Variable]) -> None:
    text = _written(pieces)
    said = speech(Prompt(text=text), {name: "7" for name, _ in variables(text)})
    assert {part.text for part in said if isinstance(part, Words)} == set(fixed(text))


def test_digits_are_said_as_digits_even_as_words() -> None:
    assert speech(Prompt(text="{x}"), {"x": " 138 "}) == (Spelled("138"),)
    assert speech(Prompt(text="{x}"), {"x": "，"}) == ()


@pytest.mark.parametrize(
    ("text", "value"), [("{x:digits}", "a1"), ("{x:digits}", ""), ("{x:number}", "-1"), ("{x:number}", "123456789")]
)
def test_a_value_that_cannot_be_said_so_is_refused_and_not_told(text: str, value: str) -> None:
    with pytest.raises(Unspeakable) as caught:
        speech(Prompt(text=text), {"x": value})
    assert caught.value.name == "x"
    assert not value or value not in str(caught.value)


def test_a_variable_without_a_value_is_named() -> None:
    with pytest.raises(UnsetVariable) as caught:
        speech(Prompt(text="您好{who}"), {})
    assert caught.value.name == "who"


def test_a_recording_stands_for_the_whole_text() -> None:
    assert speech(Prompt(text="您好{who}", recording="hello"), {}) == (Recording("hello"),)


def test_what_is_not_said_takes_values_as_they_are() -> None:
    assert filled("{a}-{b:digits}", {"a": "x", "b": "y"}) == "x-y"


def test_nothing_of_a_caller_is_in_a_repr() -> None:
    said = (Words("张三"), Spelled("138"), Number(42))
    assert not any(secret in repr(said) for secret in ("张三", "138", "42"))
    assert as_text((*said, Recording("bye"))) == "张三13842【录音 bye】"
