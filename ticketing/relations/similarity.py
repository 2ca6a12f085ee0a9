"""How near two demands come to each other: by their words, and by their place. Pure."""

from __future__ import annotations

import itertools
import re
from typing import Final

from hotline import search

_DIGITS: Final = re.compile(r"\d+")
_DISTRICT: Final = re.compile(
    r"^(?:\w{2,8}?省)?(?:\w{2,8}?(?<![超菜夜门])市(?!场))?(?:\w{2,6}?(?:县|(?<![小社园校景])区))?"
)
"""省市区 at an address' head, but neither 超市 nor 小区."""
_SAME_PLACE_SHARE: Final = 0.6
"""Of the shorter address' pairs of characters: one caller names the district, another only the street."""
_LEAST_PAIRS: Final = 2


def pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters, by run of letters and digits."""
    return frozenset("".join(pair) for run in search.normal(text).split() for pair in itertools.pairwise(run))


def words(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of two texts is the same, 0 to 1: Dice's coefficient over their pairs, or, where one is far shorter, a
    little less than the share of it that the other holds."""
    if not one or not other:
        return 0.0
    shared = len(one & other)
    dice = 2 * shared / (len(one) + len(other))
    shorter = min(len(one), len(other))
    return max(dice, 0.8 * shared / shorter) if shorter >= 4 else dice


def same_place(one: str, other: str) -> bool:
    """Whether two addresses name one place, as far as words tell. Province, city, district (省市区) do not count:
    many places share them, and different house numbers are different places."""
    left, right = _below_district(one), _below_district(other)
    numbers = set(_DIGITS.findall(left)), set(_DIGITS.findall(right))
    if all(numbers) and not (numbers[0] <= numbers[1] or numbers[1] <= numbers[0]):
        return False
    mine, theirs = (_names(address) for address in (left, right))
    shorter = min(len(mine), len(theirs))
    return shorter >= _LEAST_PAIRS and len(mine & theirs) / shorter >= _SAME_PLACE_SHARE


def _below_district(address: str) -> str:
    return _DISTRICT.sub("", search.normal(address).replace(" ", ""))


def _names(address: str) -> frozenset[str]:
    """Pairs of an address' words: 12号 is no street's name."""
    return frozenset("".join(pair) for run in _DIGITS.split(address) for pair in itertools.pairwise(run))


def same_area(one: str, other: str) -> bool:
    """Whether two division codes may be of one place: one is unknown, or lies in the other."""
    left, right = area_prefix(one), area_prefix(other)
    return left.startswith(right) or right.startswith(left)


def area_prefix(code: str) -> str:
    """What all division codes inside this one begin with: `411200` -> `4112`, `411202` -> `411202`."""
    county, rest = code[:6], code[6:]
    while county.endswith("00"):
        county = county[:-2]
    if rest and not rest.startswith("000"):
        return code if not rest.endswith("000") else code[:-3]
    return county
