"""The texts of a flow: fixed pieces with variables between them, and what is said once the variables are known.

`{name}` is a variable's words, `{name:digits}` its digits one by one, `{name:number}` a whole number as a count. There
is no other use of braces. A fixed piece is rendered and stored on its own, so the same words before a variable are one
rendering in every text that has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from hotline.errors import InvalidInput
from ivr.events import Number, Recording, Speech, Spelled, Words
from ivr.flow import Prompt
from media.digits import LARGEST

_PARTS: Final = re.compile(r"\{(?P<name>[a-z][a-z0-9_]{0,29})(?::(?P<form>[a-z]+))?\}|(?P<fixed>[^{}]+)")
_DIGITS: Final = re.compile(r"[0-9]+")
_REMEMBERED: Final = 4_096
"""Texts whose pieces are kept: many times those of all flows of a site."""


class BadText(InvalidInput):
    """A text is not written as texts of flows are. `at`: the place of the first sign nobody can read, from 0."""

    code = "ivr.bad_text"

    def __init__(self, at: int, why: str) -> None:
        super().__init__(f"at {at}: {why}", remedy="write a variable as {name}, {name:digits} or {name:number}")
        self.at = at


class UnsetVariable(InvalidInput):
    """A text names a variable that has no value. `name` is the variable's."""

    code = "ivr.unset_variable"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no value")
        self.name = name


class Unspeakable(InvalidInput):
    """A variable's value is not of the form its text says it in. The value is not told: it may be personal."""

    code = "ivr.unspeakable"

    def __init__(self, name: str, form: Form) -> None:
        super().__init__(f"{name} cannot be said as {form}")
        self.name = name
        self.form = form


class Form(StrEnum):
    """How a variable is said."""

    WORDS = "words"
    DIGITS = "digits"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Words that are the same in every call."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A place where a variable is said."""

    name: str
    form: Form = Form.WORDS


Piece = Fixed | Variable


@lru_cache(_REMEMBERED)
def parts(text: str) -> tuple[Piece, ...]:
    """The pieces of a text in their order, as they are written. Raises BadText."""
    found: list[Piece] = []
    at = 0
    while at < len(text):
        match = _PARTS.match(text, at)
        if match is None:
            raise BadText(at, "a brace that is no variable's")
        if match["fixed"] is not None:
            found.append(Fixed(match["fixed"]))
        else:
            found.append(Variable(match["name"], _form(match["form"], at)))
        at = match.end()
    return tuple(found)


def _form(name: str | None, at: int) -> Form:
    if name is None:
        return Form.WORDS
    if name not in (Form.DIGITS, Form.NUMBER):
        raise BadText(at, "a form that nobody knows")
    return Form(name)


def spoken(text: str) -> str:
    """A fixed piece as it is rendered: without space around it; "" when there is nothing in it to pronounce, as in a
    comma between two variables."""
    return text.strip() if any(character.isalnum() for character in text) else ""


def fixed(text: str) -> list[str]:
    """The fixed pieces to be rendered, as `speech` gives them in `Words`, each once. Raises BadText."""
    found = (spoken(piece.text) for piece in parts(text) if isinstance(piece, Fixed))
    return list(dict.fromkeys(piece for piece in found if piece))


def variables(text: str) -> list[tuple[str, Form]]:
    """The variables a text says, in their order, each as often as it is said. Raises BadText."""
    return [(piece.name, piece.form) for piece in parts(text) if isinstance(piece, Variable)]


def speech(prompt: Prompt, values: Mapping[str, str]) -> Speech:
    """What is said for a prompt. A recording stands for the whole text. Digits are said as such even where the text
    asks for words: nothing is rendered for what a citizen keyed in.

    Raises BadText, UnsetVariable, Unspeakable.
    """
    return (Recording(prompt.recording),) if prompt.recording is not None else speech_of(prompt.text, values)


def speech_of(text: str, values: Mapping[str, str]) -> Speech:
    """What is said for a text. Raises as `speech` does."""
    said: list[Words | Recording | Spelled | Number] = []
    for piece in parts(text):
        if isinstance(piece, Variable):
            said.extend(_said(piece, values))
        elif words := spoken(piece.text):
            said.append(Words(words))
    return tuple(said)


def _said(piece: Variable, values: Mapping[str, str]) -> Speech:
    value = _value(piece, values).strip()
    is_digits = _DIGITS.fullmatch(value) is not None
    if piece.form is Form.NUMBER:
        if not is_digits or len(value) > len(str(LARGEST)):
            raise Unspeakable(piece.name, piece.form)
        return (Number(int(value)),)
    if is_digits:
        return (Spelled(value),)
    if piece.form is Form.DIGITS:
        raise Unspeakable(piece.name, piece.form)
    words = spoken(value)
    return (Words(words),) if words else ()


def _value(piece: Variable, values: Mapping[str, str]) -> str:
    if piece.name not in values:
        raise UnsetVariable(piece.name)
    return values[piece.name]


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text that is not said, with its variables' values as they are; the form makes no difference.

    Raises BadText, UnsetVariable.
    """
    return "".join(piece.text if isinstance(piece, Fixed) else _value(piece, values) for piece in parts(text))


def as_text(speech: Speech) -> str:
    """What is said, to be read by people who try a flow out. Not for logs."""
    return "".join(_as_text(part) for part in speech)


def _as_text(part: Words | Recording | Spelled | Number) -> str:
    match part:
        case Words(text):
            return text
        case Spelled(digits):
            return digits
        case Number(value):
            return str(value)
        case Recording(code):
            return f"【录音 {code}】"
