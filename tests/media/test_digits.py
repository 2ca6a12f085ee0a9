"""Telephone numbers and amounts from parts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.errors import InvalidInput
from media.catalogue import default_catalogue
from media.digits import LARGEST, cardinal, decimal, phone, with_spoken_numbers


def written(keys: tuple[str, ...]) -> str:
    return "".join(default_catalogue()[key].text.rstrip("。，") for key in keys)


def value_of(spoken: str) -> int:
    """Reads a Chinese amount the other way: units multiply, sections add. Knows nothing of how parts are chosen."""
    digits = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
    total = section = digit = 0
    for character in spoken:
        if character in digits:
            digit = digits[character]
        elif character == "万":
            total, section, digit = (section + digit) * 10_000, 0, 0
        else:
            section += (digit or 1) * {"十": 10, "百": 100, "千": 1_000}[character]
            digit = 0
    return total + section + digit


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("12345", "幺二三四五"),
        ("110", "幺幺零"),
        ("96119", "九六幺幺九"),
        ("1001", "幺零零幺"),
        ("13800138000", "幺三八零零幺三八零零零"),
    ],
)
def test_a_telephone_number_is_spoken_digit_by_digit_with_yao_for_one(number: str, spoken: str) -> None:
    assert written(phone(number)) == spoken


@pytest.mark.parametrize("number", ["", "+8610", "0398-1", "１２", "12 345", "²"])
def test_what_is_not_digits_is_no_telephone_number(number: str) -> None:
    with pytest.raises(InvalidInput):
        phone(number)


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (0, "零"),
        (1, "一"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (22, "二十二"),
        (100, "一百"),
        (101, "一百零一"),
        (110, "一百一十"),
        (112, "一百一十二"),
        (200, "二百"),
        (1_000, "一千"),
        (1_001, "一千零一"),
        (1_010, "一千零一十"),
        (1_100, "一千一百"),
        (2_000, "两千"),
        (2_222, "两千二百二十二"),
        (10_000, "一万"),
        (10_001, "一万零一"),
        (10_010, "一万零一十"),
        (10_500, "一万零五百"),
        (12_000, "一万两千"),
        (20_000, "两万"),
        (22_222, "两万两千二百二十二"),
        (100_000, "十万"),
        (100_005, "十万零五"),
        (120_000, "十二万"),
        (200_000, "二十万"),
        (1_020_000, "一百零二万"),
        (1_100_000, "一百一十万"),
        (20_000_000, "两千万"),
        (20_002_000, "两千万两千"),
        (20_000_020, "两千万零二十"),
        (99_999_999, "九千九百九十九万九千九百九十九"),
    ],
)
def test_an_amount_is_spoken_as_people_say_it(value: int, spoken: str) -> None:
    assert written(cardinal(value)) == spoken


@pytest.mark.parametrize(("value", "spoken"), [(2, "两"), (12, "十二"), (1, "一"), (20, "二十"), (2_002, "两千零二")])
def test_before_a_measure_word_two_alone_is_liang(value: int, spoken: str) -> None:
    assert written(cardinal(value, counting=True)) == spoken


@pytest.mark.parametrize("value", [-1, LARGEST + 1])
def test_an_amount_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(InvalidInput):
        cardinal(value)


@given(st.integers(0, LARGEST), st.booleans())
def test_what_is_spoken_is_the_amount(value: int, counting: bool) -> None:
    assert value_of(written(cardinal(value, counting=counting))) == value


@given(st.integers(0, LARGEST))
def test_zeros_and_units_follow_the_rules(value: int) -> None:
    spoken = written(cardinal(value))
    assert "零零" not in spoken
    assert value == 0 or not spoken.endswith("零")
    assert not any(pair in spoken for pair in ("二千", "两百", "两十", "零十", "零万"))
    assert not spoken.startswith("一十")
    assert all(key in default_catalogue() for key in cardinal(value))


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_two_amounts_never_sound_alike(one: int, other: int) -> None:
    assert (cardinal(one) == cardinal(other)) == (one == other)


@pytest.mark.parametrize(
    ("value", "places", "spoken"),
    [("98.5", 1, "九十八点五"), ("98.5", 2, "九十八点五零"), ("0.01", 2, "零点零一"), ("12", 1, "十二点零")],
)
def test_decimals_are_spoken_one_by_one(value: str, places: int, spoken: str) -> None:
    assert written(decimal(Decimal(value), places=places)) == spoken


@pytest.mark.parametrize(("value", "places"), [("-0.5", 1), ("1.25", 1), ("NaN", 1), ("Infinity", 1), ("1", 0)])
def test_a_decimal_that_cannot_be_spoken_exactly_is_refused(value: str, places: int) -> None:
    with pytest.raises(InvalidInput):
        decimal(Decimal(value), places=places)


def test_numbers_in_a_sentence_are_spelled_out_each_digit_a_word() -> None:
    assert with_spoken_numbers("拨打110。") == "拨打 幺 幺 零 。"
    assert with_spoken_numbers("没有数字。") == "没有数字。"
