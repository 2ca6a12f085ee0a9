"""Keeping personal data out of logs and screens that have no business with it (TH 4, 23; SMX 二(三)5)."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

_NEVER_LOGGED = frozenset(
    {
        "caller",
        "caller_number",
        "caller_name",
        "phone",
        "digits",
        "dtmf",
        "password",
        "token",
        "secret",
        "text",
        "name",
    }
)


_WITHOUT_AREA = re.compile(r"1[3-9][0-9]{9}|[48]00[0-9]{7}")
"""Mobiles and freephones (E.164 without +86): what is left is dialled with 0 and an area code."""


def mask_number(number: str) -> str:
    """A telephone number with its middle hidden: `+8613812345678` and `13812345678` -> `138****5678`.

    At least four digits are hidden, the first ones too where there are few; a local number of 7 is wholly hidden. A
    number of this country is shown as it is dialled there, a landline with 0 and its area code.
    """
    if (national := number.removeprefix("+86")) != number:
        number = national if _WITHOUT_AREA.fullmatch(national) else f"0{national}"
    if len(number) < 8:
        return "*" * len(number)
    shown = min(3, len(number) - 8)
    return f"{number[:shown]}{'*' * (len(number) - shown - 4)}{number[-4:]}"


def without_number(text: str, number: str) -> str:
    """A text in which a telephone number that somebody wrote down is hidden, however it is spaced.

    `number` as `directory.numbers.normalise` has it. Of a landline its last seven digits are enough to be found.
    """
    digits = number.removeprefix("+86").lstrip("+")
    if len(digits) < 7:
        return text
    known = digits if digits.startswith("1") and len(digits) == 11 else digits[-7:]
    return re.sub(r"[\s\-]*".join(known), "*" * len(known), text)


def without_person(text: str, *, number: str, name: str, address: str = "") -> str:
    """A text without somebody's number (as `directory.numbers.normalise` has it), name and address.

    A name or address of a single character is not looked for: it would be in every other word.
    """
    hidden = without_number(text, number)
    for known in (address, name):
        if len(known) > 1:
            hidden = hidden.replace(known, "*")
    return hidden


def drop_personal(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values of personal fields never reach a log file, whatever the caller passed."""
    for key in event.keys() & _NEVER_LOGGED:
        event[key] = "<withheld>"
    return event
