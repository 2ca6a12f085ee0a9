"""Telephone numbers and amounts as sequences of recorded parts, the way Mandarin speaks them.

Everything here is pure: it returns catalogue keys (`digit.3`, `number.hundred`) that are played one after another.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from hotline.errors import InvalidInput

LARGEST: Final = 99_999_999
"""The largest amount that `cardinal` speaks: eight digits, one 万 section above one plain section."""

YAO: Final = "digit.yao"
LIANG: Final = "number.liang"
POINT: Final = "number.point"
TEN: Final = "number.ten"
HUNDRED: Final = "number.hundred"
THOUSAND: Final = "number.thousand"
TEN_THOUSAND: Final = "number.ten_thousand"
ZERO: Final = "digit.0"

_ASCII_DIGITS: Final = "0123456789"
_PHONE_CHARACTERS: Final = dict(zip(_ASCII_DIGITS, "零幺二三四五六七八九", strict=True))
_NUMBER_IN_TEXT: Final = re.compile(r"[0-9]+")


def phone(number: str) -> tuple[str, ...]:
    """A telephone or work number (工号), digit by digit, 1 spoken 幺 so that it is not taken for 7 on the line.

    Raises InvalidInput unless `number` is one or more of 0-9: plus signs and dashes are the caller's to remove.
    """
    if not number or any(character not in _ASCII_DIGITS for character in number):
        raise InvalidInput("a number to be spoken has digits only")
    return tuple(YAO if character == "1" else f"digit.{character}" for character in number)


def cardinal(value: int, *, counting: bool = False) -> tuple[str, ...]:
    """An amount from 0 to `LARGEST`, as in 一万零五百.

    2 is 两 before 千 and 万 and, with `counting` (a measure word such as 位 or 分钟 follows), when it stands alone;
    else 二. One 零 stands for any run of empty places between two filled ones. 10-19 begin with a bare 十.
    Raises InvalidInput outside the range.
    """
    if not 0 <= value <= LARGEST:
        raise InvalidInput(f"an amount to be spoken lies between 0 and {LARGEST}")
    if value == 0:
        return (ZERO,)
    if value == 2 and counting:
        return (LIANG,)
    upper, lower = divmod(value, 10_000)
    parts: list[str] = []
    if upper:
        parts += [LIANG] if upper == 2 else _section(upper, leading=True)
        parts.append(TEN_THOUSAND)
    if lower:
        if upper and lower < 1_000:
            parts.append(ZERO)
        parts += _section(lower, leading=not upper)
    return tuple(parts)


def decimal(value: Decimal, *, places: int) -> tuple[str, ...]:
    """An amount with `places` digits after the 点, each spoken alone: 98.50 is 九十八点五零.

    Raises InvalidInput if it is negative, above `LARGEST`, not finite, or has more than `places` decimals.
    """
    if not value.is_finite() or value < 0:
        raise InvalidInput("an amount to be spoken is finite and not negative")
    scaled = value.scaleb(places)
    if places < 1 or scaled != scaled.to_integral_value():
        raise InvalidInput(f"an amount to be spoken has at most {places} decimals")
    whole, fraction = divmod(int(scaled), 10**places)
    return (*cardinal(whole), POINT, *(f"digit.{digit}" for digit in f"{fraction:0{places}d}"))


def with_spoken_numbers(text: str) -> str:
    """`text` with its digits written out phone style, each a word of its own: 拨打110 becomes `拨打 幺 幺 零`."""
    spelled = _NUMBER_IN_TEXT.sub(lambda run: f" {' '.join(_PHONE_CHARACTERS[digit] for digit in run.group())} ", text)
    return spelled.strip()


def _section(value: int, *, leading: bool) -> list[str]:
    """1 to 9,999; `leading` when nothing is spoken before it, which is where 一十 shortens to 十."""
    parts: list[str] = []
    gap = False
    for size, unit in ((1_000, THOUSAND), (100, HUNDRED), (10, TEN), (1, None)):
        digit, value = divmod(value, size)
        if not digit:
            gap = bool(parts)
            continue
        if gap:
            parts.append(ZERO)
            gap = False
        if unit is THOUSAND and digit == 2:
            parts.append(LIANG)
        elif not (unit is TEN and digit == 1 and leading and not parts):
            parts.append(f"digit.{digit}")
        if unit:
            parts.append(unit)
    return parts
