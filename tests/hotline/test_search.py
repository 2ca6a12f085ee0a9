"""Exact search: the text decides what a term is found in, whatever the index says; and the index misses nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from hotline import search
from hotline.database import Database

_LETTERS = st.text(alphabet="路灯不亮社保卡补办水电abC12，。 '\\&|!:*<>_", max_size=30)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def test_texts_are_compared_in_one_form() -> None:
    assert search.normal("  ＳＩＭ卡、补办(2024年)  Wi-Fi_6 ") == "sim卡 补办 2024年 wi fi 6"
    assert search.terms("社保卡 补办，社保卡!") == ["社保卡", "补办"]
    assert search.terms("？！ ") == []
    assert len("".join(search.terms("字" * 500))) == search.LONGEST_QUERY


def test_a_long_term_asks_for_its_pairs_and_a_short_one_for_itself() -> None:
    assert search.query(["路灯杆"]) == "'路灯' & '灯杆'"
    assert search.query(["水", "路灯"], every=False) == "'水' | '路灯'"
    assert search.pairs(["路灯", "路灯杆"]) == ["'路灯'", "'灯杆'"]


def test_the_heaviest_weight_counts() -> None:
    assert search.vector(("灯", "A"), ("灯亮", "C")) == "'灯':1A '亮':1C '灯亮':1C"


@given(_LETTERS, st.integers(0, 30), st.integers(1, 8))
def test_every_part_of_a_text_asks_only_for_what_its_vector_has(whole: str, start: int, length: int) -> None:
    lexemes = set(re.findall(r"'([^']+)'", search.vector((whole, "C"))))
    for term in search.terms(search.normal(whole)[start : start + length]):
        assert set(re.findall(r"'([^']+)'", search.query([term]))) <= lexemes


async def test_postgresql_takes_every_vector_and_query(database: Database) -> None:
    question = text("SELECT CAST(:vector AS tsvector) @@ CAST(:query AS tsquery) AS found")
    for whole, asked, found in (
        ("市政路灯杆倾斜", "路灯", True),
        ("市政路灯杆倾斜", "灯", True),
        ("市政路灯杆倾斜", "杆灯", False),
        ("路口的灯", "路灯", False),
        ("it's a 'quote' \\ and & | ! : * <->", "quote", True),
        ("0398-2812345", "281234", True),
        ("😀笑脸", "笑脸", True),
        ("", "笑脸", False),
    ):
        values = {"vector": search.vector((whole, "A")), "query": search.query(search.terms(asked))}
        assert (await database.ask(question, values))[0].found is found, (whole, asked)
