"""What flows say, and where: drafts and published versions, texts in pieces, recordings, values that are said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hotline.database import Database
from ivr.events import Number, Recording, Spelled, Words
from ivr.flow import Flow
from ivr.lengths import seconds_with
from ivr.wording import Use, uses_of_recording, uses_of_text, wording
from media.spoken import text_key
from media.store import PromptStore
from media.studio import Library
from tests.ivr.menus import flow, published, saved


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def of(**nodes: Any) -> Flow:
    whole = {"start": {"type": "entry", "next": "a"}, **nodes}
    return Flow.model_validate({"flow": "main", "name": "测试", "entry": "start", "nodes": whole})


def test_texts_come_in_pieces_each_with_its_nodes() -> None:
    said = wording(
        of(
            a={"type": "say", "prompt": "您好，{line_name}。您前面有{count:number}位。", "next": "b"},
            b={"type": "hangup", "prompt": "您好，"},
        )
    )
    assert said.texts == {"您好，": ["a", "b"], "。您前面有": ["a"], "位。": ["a"]}
    assert said.names_lines


def test_a_value_that_is_said_in_words_is_a_text_and_digits_are_none() -> None:
    said = wording(
        of(
            a={"type": "set", "values": {"unit": "市人社局", "phone": "110", "unsaid": "不说"}, "next": "b"},
            b={"type": "say", "prompt": "{unit}{phone}"},
        )
    )
    assert said.texts == {"市人社局": ["a"]}
    assert not said.names_lines


def test_under_a_recording_the_text_is_not_said_and_a_text_nobody_can_read_is_left_out() -> None:
    said = wording(
        of(
            a={"type": "say", "prompt": {"text": "您好", "recording": "welcome"}, "next": "b"},
            b={"type": "menu", "prompt": "请{按", "options": {"1": {"label": "一"}}, "wrong": {"recording": "welcome"}},
        )
    )
    assert said.texts == {}
    assert said.recordings == {"welcome": ["a", "b"]}


async def test_where_a_text_is_used_is_told_of_the_draft_and_of_every_version(database: Database) -> None:
    await published(database, flow("main", "您好"))
    await published(database, flow("main", "您好，请稍候"))
    await saved(database, flow("main", "您好"))
    await saved(database, flow("other", "别的"))
    async with database.transaction() as session:
        assert await uses_of_text(session, " 您好 ") == [Use("main", "测试", ("hello",), {1: ("hello",)})]
        assert await uses_of_text(session, "您好，请稍候") == [Use("main", "测试", (), {2: ("hello",)})]
        assert await uses_of_text(session, "没有") == []
        assert await uses_of_recording(session, "welcome") == []


def test_what_is_said_takes_as_long_as_its_sounds() -> None:
    store = PromptStore()
    seconds_of = seconds_with(Library({text_key("您好"): 1_250}, {"welcome": 4_000}))
    assert seconds_of((Words("您好"), Recording("welcome"))) == pytest.approx(5.25)
    one_and_two = (store.duration_ms("digit.yao") + store.duration_ms("digit.2")) / 1_000
    assert seconds_of((Spelled("12"),)) == pytest.approx(one_and_two)
    assert seconds_of((Number(2),)) == pytest.approx(store.duration_ms("number.liang") / 1_000)
    assert seconds_of((Words("没有人读过的十个字"),)) == pytest.approx(2.1, abs=0.4)
    assert seconds_of((Recording("gone"),)) == 0
