"""What a menu is told by the rest of the house, on a line with real servers; and one word where it is told nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from acd.model import CallRequest
from acd.states import AgentState
from calls.handover_keys import PartnerKeys
from calls.menu_answers import (
    AWAY,
    NO_ANSWER,
    NO_SOUND,
    REFUSED,
    TOO_SLOW,
    UNKNOWN_QUEUE,
    AskedOf,
    MenuAnswers,
    MenuWorkFailed,
)
from calls.voice import VoiceProcess
from calls.web_request import WebRequests, Why, key_name
from directory.models import Role, Unit, UnitLevel
from hotline import redis
from hotline.clock import Clock, SystemClock
from hotline.database import Database
from ivr.events import CallWeb, LookAtQueue, LookUpKnowledge, LookUpProgress
from ivr.flow import Web
from media.spoken import SUFFIX, SpokenFiles, text_key
from tests.calls.line import SITE, CallLine
from tests.calls.unit_system import UnitSystem
from ticketing.intake import IntakeDesk
from ticketing.knowledge import editing
from ticketing.knowledge.answers import KnowledgeDesk, uses_of
from ticketing.knowledge.schemas import Content, Editor, NewEntry
from ticketing.knowledge.states import Step
from ticketing.progress import ProgressDesk, typed_number
from ticketing.progress_codes import QueryCodes
from ticketing.progress_guard import GuessPolicy
from ticketing.progress_words import SENTENCES
from ticketing.schemas import Actor, Intake
from ticketing.vocabulary import State

CALL = "ast1-1763761000.99"
CALLER = "+8613812345678"
SPOKEN = "请带身份证到网点办理。"


@pytest.fixture
async def answers(line: CallLine, voice: VoiceProcess) -> MenuAnswers:
    """Those of a voice process, on a host that has the sounds."""
    for words in (*SENTENCES.values(), SPOKEN):
        _sound(line, words)
    answers = voice.board.answers
    assert answers is not None
    return answers


def _sound(line: CallLine, words: str) -> None:
    folder = SpokenFiles(line.folder / "sounds").studio
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{text_key(words)}{SUFFIX}").write_bytes(b"\xd5" * 800)


async def asked(answers: MenuAnswers, work: AskedOf) -> Mapping[str, str]:
    async with asyncio.timeout(15):
        return await answers.answer(work, call=CALL, caller=CALLER)


async def why(answers: MenuAnswers, work: AskedOf) -> str:
    with pytest.raises(MenuWorkFailed) as raised:
        await asked(answers, work)
    # Nothing of the question is in what may be logged of it.
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return raised.value.why


async def _ticket(line: CallLine, codes: QueryCodes) -> tuple[str, str]:
    desk = IntakeDesk(site=SITE, zone="Asia/Shanghai", area_code="0398", clock=line.clock)
    async with line.database.transaction() as session:
        ticket = await desk.register(session, Intake(title="路灯不亮"), Actor("1001", frozenset({Role.AGENT})))
        code = await codes.first(session, ticket.number, by="1001", at=line.clock.now())
    assert code is not None
    return typed_number(ticket.number, SITE), code


async def test_progress_by_keys(line: CallLine, answers: MenuAnswers) -> None:
    number, code = await _ticket(line, QueryCodes.of(line.settings()))
    assert number.isdecimal()
    work = LookUpProgress(number, code)
    assert await asked(answers, work) == {"state": SENTENCES[State.REGISTERED]}
    assert (number not in repr(work), code not in repr(work)) == (True, True)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    with structlog.testing.capture_logs() as logs:
        assert await why(answers, LookUpProgress(number, wrong)) == REFUSED
        assert await why(answers, LookUpProgress("20990101000001", code)) == REFUSED
        for _ in range(6):
            assert await why(answers, LookUpProgress(number, wrong)) == REFUSED
        assert await why(answers, work) == REFUSED
    assert not any(secret in str(logs) for secret in (number, code, wrong, CALLER))


async def _published(line: CallLine, code: str, spoken: str) -> None:
    now = line.clock.now()
    ann, ben = (Editor(person, f"k{person}", frozenset({Role.KNOWLEDGE_EDITOR})) for person in (1, 2))
    content = Content(title="社保卡", answer="带身份证。", spoken=spoken, valid_from=date(2026, 1, 1))
    async with line.database.transaction() as session:
        unit = Unit(name=f"市人社局{code}", level=UnitLevel.CITY)
        session.add(unit)
        await session.flush()
        entry = NewEntry(code=code, unit_id=unit.id, review_on=date(2099, 1, 1), content=content)
        await editing.create(session, entry, ann, at=now)
        for step in (Step.CHECK, Step.PUBLISH):
            await editing.step(session, code, 1, step, ben, at=now)


async def test_knowledge_and_which_answer_it_was(line: CallLine, answers: MenuAnswers) -> None:
    await _published(line, "sbk", SPOKEN)
    await _published(line, "silent", "")
    assert await asked(answers, LookUpKnowledge("sbk")) == {"text": SPOKEN}
    for entry in ("silent", "none"):
        assert await why(answers, LookUpKnowledge(entry)) == NO_ANSWER
    async with line.database.transaction() as session:
        assert [(use.code, use.by) for use in await uses_of(session, CALL)] == [("sbk", "menu")]


async def test_words_that_cannot_be_played_are_a_failure(line: CallLine, voice: VoiceProcess) -> None:
    number, code = await _ticket(line, QueryCodes.of(line.settings()))
    await _published(line, "sbk", SPOKEN)
    answers = voice.board.answers
    assert answers is not None
    assert await why(answers, LookUpProgress(number, code)) == NO_SOUND
    assert await why(answers, LookUpKnowledge("sbk")) == NO_SOUND
    async with line.database.transaction() as session:
        assert await uses_of(session, CALL) == []
    _sound(line, SPOKEN)
    assert await asked(answers, LookUpKnowledge("sbk")) == {"text": SPOKEN}


async def test_a_queue_and_who_is_at_work_there(line: CallLine, voice: VoiceProcess) -> None:
    answers = _answers(line, voice)
    assert await asked(answers, LookAtQueue("general")) == {"waiting": "0", "ready": "0"}
    for at in range(3):
        await line.acd.enqueue(
            CallRequest(call=f"ast1-1763761000.{at + 1}", entered_ms=at, owner="ast1/web", queue="general")
        )
    await line.agent("2001", "expert-12333")
    await line.agent("1002", ready=False)
    assert await asked(_answers(line, voice), LookAtQueue("general")) == {"waiting": "3", "ready": "0"}
    await line.agent("1001", screen=False)
    await line.agent_is("1001", AgentState.RESERVED)
    # Who talks will be free again.
    assert await asked(_answers(line, voice), LookAtQueue("general")) == {"waiting": "2", "ready": "1"}
    # Who asked to be away afterwards will not.
    await line.acd.set_not_ready("1001", "用餐")
    assert (await asked(_answers(line, voice), LookAtQueue("general")))["ready"] == "0"
    assert await why(answers, LookAtQueue("no-such-queue")) == UNKNOWN_QUEUE


async def test_agents_are_looked_up_once_a_second_however_many_calls_ask(
    line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = _answers(line, voice)
    looked: list[int] = []
    agents = voice.board.acd.agents

    async def counted() -> Any:
        looked.append(1)
        return await agents()

    monkeypatch.setattr(voice.board.acd, "agents", counted)
    for _ in range(10):
        await asked(answers, LookAtQueue("general"))
    assert 1 <= len(looked) <= 4


async def test_a_web_request_and_its_words(line: CallLine, voice: VoiceProcess) -> None:
    keys = PartnerKeys(line.folder / "partner-keys.json")
    keys.change(key_name("127.0.0.1"))
    web = WebRequests(keys=keys, clock=line.clock, site=SITE, named=["127.0.0.1"], at_once=4)
    answers = _answers(line, voice, web=web)
    async with UnitSystem() as unit:
        node = Web.model_validate({"url": unit.url, "seconds": 0.5, "save": {"state": "/result/state"}})
        assert await asked(answers, CallWeb(node, {})) == {"state": "已审核"}
        unit.serve = unit.dripping
        assert await why(answers, CallWeb(node, {})) == Why.TIMEOUT
    answers.close()


async def test_no_host_is_named_unless_the_site_does(answers: MenuAnswers) -> None:
    node = Web.model_validate({"url": "http://127.0.0.1:1/"})
    assert await why(answers, CallWeb(node, {})) == Why.PLAIN_HTTP


def _answers(
    line: CallLine,
    voice: VoiceProcess,
    *,
    web: WebRequests | None = None,
    database: Database | None = None,
    client: redis.Redis | None = None,
    clock: Clock | None = None,
) -> MenuAnswers:
    settings = line.settings()
    clock = clock or SystemClock()
    database = database or line.database
    return MenuAnswers(
        progress=ProgressDesk(
            database=database,
            redis=client or line.redis,
            codes=QueryCodes.of(settings),
            site=SITE,
            policy=GuessPolicy(),
            answer_seconds=0,
        ),
        knowledge=KnowledgeDesk(database, clock, "Asia/Shanghai"),
        web=web or WebRequests.of(settings, clock),
        acd=voice.board.acd,
        queues=voice.board.queues,
        clock=clock,
        has_sound=lambda _words: True,
    )


async def test_a_part_that_is_away_is_a_failure_and_soon(line: CallLine, voice: VoiceProcess) -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    gone = redis.connect("redis://127.0.0.1:1/0")
    without_database = _answers(line, voice, database=nowhere)
    assert await why(without_database, LookUpKnowledge("sbk")) == AWAY
    assert await why(without_database, LookUpProgress("20261121000001", "123456")) == AWAY
    assert await why(_answers(line, voice, client=gone), LookUpProgress("20261121000001", "123456")) == AWAY
    await gone.aclose()
    await nowhere.close()


async def test_a_database_that_hangs_costs_three_seconds(line: CallLine, voice: VoiceProcess) -> None:
    answers = _answers(line, voice)
    await _published(line, "sbk", "请带身份证。")
    async with line.database.transaction() as session:
        await session.execute(text("LOCK TABLE knowledge_version, ticket IN ACCESS EXCLUSIVE MODE"))
        began = asyncio.get_running_loop().time()
        words = await asyncio.gather(
            why(answers, LookUpKnowledge("sbk")), why(answers, LookUpProgress("20261121000001", "123456"))
        )
        assert asyncio.get_running_loop().time() - began < 8
    assert list(words) == [TOO_SLOW, TOO_SLOW]
    assert await asked(answers, LookUpKnowledge("sbk")) == {"text": "请带身份证。"}
