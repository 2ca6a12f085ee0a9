"""The knowledge base: two persons for each version, search that misses nothing, and what has grown old is found."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role, Unit, UnitLevel
from hotline import search
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import InvalidInput, NotAllowed
from tests.ticketing.conftest import MORNING
from ticketing.errors import UnitNotFound
from ticketing.knowledge import answers, editing, finding
from ticketing.knowledge.answers import BY_MENU, KnowledgeDesk
from ticketing.knowledge.errors import (
    CodeTaken,
    EntryNotFound,
    NoAnswer,
    NotSearchable,
    NotYourEntry,
    SamePerson,
    StaleEntry,
    StepNotPossible,
)
from ticketing.knowledge.finding import Staleness
from ticketing.knowledge.schemas import Content, Editor, EntryFile, NewEntry
from ticketing.knowledge.states import STEPS, Step, VersionState, rule_of
from ticketing.knowledge.tables import UseRow, VersionRow

TODAY = date(2026, 11, 21)
LATER = TODAY + timedelta(days=365)
CALL = "ast1-1763761000.12"
ANN = Editor(1, "k1", frozenset({Role.KNOWLEDGE_EDITOR}))
BEN = Editor(2, "k2", frozenset({Role.KNOWLEDGE_EDITOR}))


@dataclass
class Base:
    """A knowledge base with two units; each step is a transaction of its own, as requests are."""

    database: Database
    labour: int = 0
    urban: int = 0

    async def do(self, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        async with self.database.transaction() as session:
            return await work(session)

    async def create(self, code: str, editor: Editor = ANN, unit: int = 0, **fields: Any) -> EntryFile:
        new = NewEntry(code=code, unit_id=unit or self.labour, review_on=LATER, content=content(**fields))
        made: EntryFile = await self.do(lambda s: editing.create(s, new, editor, at=MORNING))
        return made

    async def write(self, code: str, read: int, editor: Editor = ANN, **fields: Any) -> EntryFile:
        made: EntryFile = await self.do(
            lambda s: editing.write(s, code, content(**fields), editor, read=read, at=MORNING)
        )
        return made

    async def step(self, code: str, number: int, what: Step, editor: Editor = BEN, reason: str = "") -> EntryFile:
        made: EntryFile = await self.do(
            lambda s: editing.step(s, code, number, what, editor, at=MORNING, reason=reason)
        )
        return made

    async def publish(self, code: str, number: int = 1) -> None:
        await self.step(code, number, Step.CHECK)
        await self.step(code, number, Step.PUBLISH)

    async def published(self, code: str, **fields: Any) -> None:
        await self.create(code, **fields)
        await self.publish(code)

    async def find(self, question: str, today: date = TODAY, **more: Any) -> list[str]:
        found = await self.do(lambda s: finding.find(s, question, today=today, **more))
        return [one.code for one in found]

    async def states(self, code: str) -> list[str]:
        """From the first version to the newest."""
        file: EntryFile = await self.do(lambda s: editing.file(s, code))
        return [version.state.value for version in reversed(file.versions)]


def content(**fields: Any) -> Content:
    told = {"title": "社保卡补办", "answer": "带身份证到任一合作银行网点办理。", "valid_from": TODAY}
    return Content.model_validate(told | fields)


@pytest.fixture
async def base(database: Database) -> Base:
    base = Base(database)
    async with database.transaction() as session:
        units = [Unit(name=name, level=UnitLevel.CITY) for name in ("市人社局", "市城管局")]
        session.add_all(units)
        await session.flush()
        base.labour, base.urban = (unit.id for unit in units)
    return base


def handler(base: Base, user: int = 7, unit: int = 0) -> Editor:
    return Editor(user, f"u{user}", frozenset({Role.UNIT_HANDLER}), unit or base.labour)


# --- versions ---------------------------------------------------------------------------------------------------------


async def test_a_version_is_written_checked_by_another_and_published(base: Base) -> None:
    await base.create("sbk")
    assert await base.find("社保卡") == []
    with pytest.raises(SamePerson):
        await base.step("sbk", 1, Step.CHECK, ANN)
    with pytest.raises(StepNotPossible):
        await base.step("sbk", 1, Step.PUBLISH)
    file = await base.step("sbk", 1, Step.CHECK, BEN)
    assert await base.find("社保卡") == []
    # Who wrote it may publish what another has checked.
    file = await base.step("sbk", 1, Step.PUBLISH, ANN)
    (version,) = file.versions
    assert (version.written_by, version.checked_by, version.published_by) == ("k1", "k2", "k1")
    assert await base.find("社保卡") == ["sbk"]


async def test_one_person_under_two_names_is_one_person(base: Base) -> None:
    await base.create("sbk", Editor(1, "1001", frozenset({Role.SUPERVISOR})))
    with pytest.raises(SamePerson):
        await base.step("sbk", 1, Step.CHECK, Editor(1, "zhang", frozenset({Role.KNOWLEDGE_EDITOR})))


async def test_a_correction_is_a_new_version_that_has_to_be_checked_again(base: Base) -> None:
    await base.published("sbk", answer="旧的办法")
    await base.write("sbk", 1, answer="草稿")
    await base.step("sbk", 2, Step.CHECK)
    await base.write("sbk", 2, BEN, answer="新的办法")
    assert await base.states("sbk") == ["published", "replaced", "draft"]
    with pytest.raises(SamePerson):
        await base.step("sbk", 3, Step.CHECK, BEN)
    # Until it is published, what was published holds.
    assert await base.find("旧的办法") == ["sbk"]
    await base.step("sbk", 3, Step.CHECK, ANN)
    await base.step("sbk", 3, Step.PUBLISH, ANN)
    assert await base.find("新的办法") == ["sbk"]
    found = await base.do(lambda s: finding.find(s, "旧的办法", today=TODAY))
    assert [(one.code, one.exact) for one in found] == [("sbk", False)]


async def test_of_two_who_write_at_once_one_is_told(base: Base) -> None:
    await base.create("sbk")
    results = await asyncio.gather(
        *(base.write("sbk", 1, editor, title=f"版本{at}") for at, editor in enumerate((ANN, BEN))),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["EntryFile", "StaleEntry"]
    assert await base.states("sbk") == ["replaced", "draft"]
    with pytest.raises(StaleEntry):
        await base.write("sbk", 1)


async def test_rejected_and_withdrawn_need_a_reason(base: Base) -> None:
    await base.create("sbk")
    with pytest.raises(InvalidInput):
        await base.step("sbk", 1, Step.REJECT)
    file = await base.step("sbk", 1, Step.REJECT, reason="依据已废止")
    assert (file.versions[0].closed_by, file.versions[0].closed_why) == ("k2", "依据已废止")
    with pytest.raises(StepNotPossible):
        await base.step("sbk", 1, Step.CHECK)


async def test_what_is_withdrawn_makes_no_room_for_something_older(base: Base) -> None:
    await base.published("sbk", answer="第一版")
    await base.write("sbk", 1, answer="第二版")
    await base.publish("sbk", 2)
    await base.step("sbk", 2, Step.WITHDRAW, reason="政策调整")
    assert await base.states("sbk") == ["withdrawn", "withdrawn"]
    assert await base.find("第一版") == await base.find("第二版") == []


def test_the_table_has_no_way_back_and_none_around_the_second_person() -> None:
    into = {rule.next for rule in STEPS.values()}
    assert VersionState.DRAFT not in into
    before = {state for (state, _), rule in STEPS.items() if rule.next is VersionState.PUBLISHED}
    assert before == {VersionState.CHECKED}
    assert [rule.second_person for rule in STEPS.values() if rule.next is VersionState.CHECKED] == [True]
    for state in (VersionState.REJECTED, VersionState.REPLACED, VersionState.WITHDRAWN):
        for what in Step:
            with pytest.raises(StepNotPossible):
                rule_of(state, what)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE knowledge_version SET answer = 'x'",
        "UPDATE knowledge_version SET public = true",
        "UPDATE knowledge_version SET valid_until = NULL, valid_from = '2020-01-01'",
        "UPDATE knowledge_version SET written_by_user = 9",
        "DELETE FROM knowledge_version",
    ],
)
async def test_postgresql_itself_keeps_what_a_version_says(change: str, base: Base) -> None:
    await base.published("sbk")
    with pytest.raises(DBAPIError, match="never changed"):
        await base.do(lambda s: s.execute(text(change)))


async def test_postgresql_itself_asks_for_two_persons(base: Base) -> None:
    await base.create("sbk")
    with pytest.raises(DBAPIError, match="two_persons"):
        await base.do(lambda s: s.execute(update(VersionRow).values(checked_by_user=1)))
    with pytest.raises(DBAPIError, match="ck_knowledge_version_checked"):
        await base.do(lambda s: s.execute(update(VersionRow).values(state="published")))


async def test_people_of_a_unit_write_and_check_their_own_and_the_centre_publishes(base: Base) -> None:
    mine, colleague = handler(base), handler(base, 8)
    await base.create("sbk", mine)
    await base.step("sbk", 1, Step.CHECK, colleague)
    with pytest.raises(NotAllowed):
        await base.step("sbk", 1, Step.PUBLISH, colleague)
    await base.step("sbk", 1, Step.PUBLISH, BEN)
    stranger = handler(base, 9, base.urban)
    with pytest.raises(NotYourEntry):
        await base.write("sbk", 1, stranger)
    with pytest.raises(NotYourEntry):
        await base.create("other", stranger, unit=base.labour)
    with pytest.raises(NotYourEntry):
        await base.step("sbk", 1, Step.WITHDRAW, stranger, reason="x")


async def test_codes_and_units_are_checked(base: Base) -> None:
    await base.create("sbk")
    with pytest.raises(CodeTaken):
        await base.create("sbk")
    with pytest.raises(UnitNotFound):
        await base.create("zzz", unit=2**40)
    for work in (
        lambda s: editing.file(s, "none"),
        lambda s: editing.step(s, "sbk", 9, Step.CHECK, BEN, at=MORNING),
        lambda s: editing.report(s, "sbk", version=2, note="x", by="1001", at=MORNING),
    ):
        with pytest.raises(EntryNotFound):
            await base.do(work)


def test_validity_is_in_order() -> None:
    with pytest.raises(ValueError, match="valid_until lies before"):
        content(valid_until=TODAY - timedelta(days=1))


# --- what counts on a day ---------------------------------------------------------------------------------------------


async def test_each_day_has_the_version_that_counts_on_it(base: Base) -> None:
    day = timedelta(days=1)
    await base.published("sbk", answer="第一版", valid_from=TODAY - 10 * day)
    await base.write("sbk", 1, answer="第二版", valid_from=TODAY + 5 * day, valid_until=TODAY + 9 * day)
    await base.publish("sbk", 2)

    async def says(today: date) -> str | None:
        try:
            found = await base.do(lambda s: finding.current(s, "sbk", today=today))
        except EntryNotFound:
            return None
        answer: str = found.answer
        return answer

    assert await says(TODAY - 11 * day) is None
    assert await says(TODAY - 10 * day) == "第一版"
    assert await says(TODAY + 4 * day) == "第一版"
    assert await says(TODAY + 5 * day) == "第二版"
    assert await says(TODAY + 9 * day) == "第二版"
    # What it replaced is older still.
    assert await says(TODAY + 10 * day) is None
    assert await base.find("第一版", TODAY + 5 * day) == []
    assert await base.find("第二版", TODAY + 5 * day) == ["sbk"]


# --- search -----------------------------------------------------------------------------------------------------------


async def test_words_inside_other_words_are_found_and_scattered_ones_are_not(base: Base) -> None:
    await base.published("a", title="市政路灯杆倾斜", answer="拨打城管热线")
    await base.published("b", title="路口的灯坏了", answer="由交警处理")
    assert await base.find("路灯") == ["a"]
    assert await base.find("灯") == ["b", "a"]
    assert await base.find("灯杆倾") == ["a"]
    assert await base.find("路灯 城管") == ["a"]
    assert await base.find("城管，路灯!") == ["a"]


async def test_a_term_in_the_title_comes_before_one_in_the_text(base: Base) -> None:
    await base.published("text", title="常见问题", answer="社保卡丢失请挂失")
    await base.published("inside", title="如何办理社保卡", answer="略")
    await base.published("long", title="社保卡激活与密码重置", answer="略")
    await base.published("short", title="社保卡挂失", answer="略")
    assert await base.find("社保卡") == ["short", "long", "inside", "text"]
    assert await base.find("社保卡", limit=2, offset=1) == ["long", "inside"]


async def test_a_question_in_a_sentence_finds_what_comes_nearest(base: Base) -> None:
    await base.published("sbk", title="社保卡丢失补办流程")
    await base.published("gjj", title="公积金提取")
    found = await base.do(lambda s: finding.find(s, "社保卡丢失怎么补办", today=TODAY))
    assert [(one.code, one.exact) for one in found] == [("sbk", False)]


async def test_filters(base: Base) -> None:
    await base.published("a", category="社会保障", public=True)
    await base.published("b", unit=base.urban)
    assert sorted(await base.find("社保卡")) == ["a", "b"]
    assert await base.find("社保卡", unit_id=base.urban) == ["b"]
    assert await base.find("社保卡", category="社会保障") == ["a"]
    assert await base.find("社保卡", public_only=True) == ["a"]
    with pytest.raises(EntryNotFound):
        await base.do(lambda s: finding.current(s, "b", today=TODAY, public_only=True))


@pytest.mark.parametrize("question", ["", "？！", "   ", "'\\&|"])
async def test_a_question_without_a_letter_is_none(question: str, base: Base) -> None:
    with pytest.raises(NotSearchable):
        await base.find(question)


@pytest.mark.parametrize("question", ["'社保卡", "社保卡 & !", "社保卡:*", "\\社保卡", "社保卡<->", "%社保卡_"])
async def test_nothing_in_a_question_is_a_command(question: str, base: Base) -> None:
    await base.published("sbk")
    assert await base.find(question) == ["sbk"]


async def test_search_agrees_with_looking_at_every_text(base: Base) -> None:
    """Against an oracle that reads every text, on random texts of few characters, so that near misses abound."""
    dice = random.Random(12345)
    texts = {}
    for number in range(120):
        title = "".join(dice.choices("路灯水电办证卡", k=dice.randint(1, 5)))
        answer = "".join(dice.choices("路灯水电办证卡，。a1", k=dice.randint(1, 30)))
        code = f"e{number}"
        texts[code] = search.normal(f"{title}\n{answer}")
        await base.create(code, title=title, answer=answer)
    async with base.database.transaction() as session:
        await session.execute(
            update(VersionRow).values(checked_by="k2", checked_by_user=2, state="published", published_at=MORNING)
        )
    hits = 0
    for _ in range(150):
        asked = "".join(dice.choices("路灯水电办证卡a1 ", k=dice.randint(1, 4)))
        wanted = asked.split()
        if not wanted:
            continue
        expected = {code for code, held in texts.items() if all(term in held for term in wanted)}
        async with base.database.transaction() as session:
            found = await finding.find(session, asked, today=TODAY, limit=200)
        assert {one.code for one in found if one.exact} == expected, asked
        assert not (expected and any(not one.exact for one in found))
        hits += bool(expected)
    assert hits > 50


async def test_the_index_is_used(base: Base) -> None:
    await base.published("sbk")
    plan = await base.do(_plan)
    assert "ix_knowledge_version_search" in plan


async def _plan(session: AsyncSession) -> str:
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    await session.execute(text("SET LOCAL enable_indexscan = off"))
    rows = await session.execute(
        text("EXPLAIN SELECT id FROM knowledge_version WHERE search @@ CAST(:query AS tsquery)"),
        {"query": search.query(["社保卡"])},
    )
    return "\n".join(rows.scalars())


# --- what has grown old -----------------------------------------------------------------------------------------------


async def test_what_has_grown_old_is_found_and_why(base: Base) -> None:
    day = timedelta(days=1)
    await base.published("fine")
    await base.published("ended", valid_until=TODAY + 3 * day)
    await base.published("wrong")
    await base.create("never")
    await base.published("due")
    await base.do(lambda s: editing.report(s, "wrong", version=1, note="电话已变更", by="1001", at=MORNING))
    await base.do(lambda s: editing.review(s, "due", ANN, review_on=TODAY + 2 * day, today=TODAY))

    async def stale(today: date, **more: Any) -> dict[str, tuple[Staleness, ...]]:
        found = await base.do(lambda s: finding.stale(s, today=today, **more))
        return {one.code: one.why for one in found}

    assert await stale(TODAY) == {"wrong": (Staleness.REPORTED,), "never": (Staleness.NEVER_PUBLISHED,)}
    later = await stale(TODAY + 4 * day)
    assert list(later) == ["due", "ended", "wrong", "never"]
    assert (later["due"], later["ended"]) == ((Staleness.REVIEW_DUE,), (Staleness.ENDED,))
    assert await stale(TODAY + 4 * day, unit_id=base.urban) == {}
    assert len(await stale(LATER)) == 5


async def test_a_report_is_settled_once(base: Base) -> None:
    await base.published("sbk")
    report = await base.do(lambda s: editing.report(s, "sbk", version=1, note="网点已搬迁", by="1001", at=MORNING))
    for outcome in ("已修改", "另一个结论"):
        async with base.database.transaction() as session:
            settled = await editing.settle(session, "sbk", report.id, ANN, outcome=outcome, at=MORNING)
        assert (settled.settled_by, settled.outcome) == ("k1", "已修改")
    assert await base.do(lambda s: finding.stale(s, today=TODAY)) == []
    await base.published("other")
    with pytest.raises(EntryNotFound):
        await base.do(lambda s: editing.settle(s, "other", report.id, ANN, outcome="x", at=MORNING))


async def test_a_review_is_in_the_future_and_may_hand_the_entry_on(base: Base) -> None:
    await base.published("sbk")
    with pytest.raises(InvalidInput):
        await base.do(lambda s: editing.review(s, "sbk", ANN, review_on=TODAY, today=TODAY))
    with pytest.raises(NotYourEntry):
        await base.do(
            lambda s: editing.review(s, "sbk", handler(base), review_on=LATER, today=TODAY, unit_id=base.urban)
        )
    file = await base.do(lambda s: editing.review(s, "sbk", ANN, review_on=LATER, today=TODAY, unit_id=base.urban))
    assert (file.entry.unit_id, file.entry.review_on) == (base.urban, LATER)


async def test_versions_that_wait(base: Base) -> None:
    await base.create("a")
    await base.create("b", unit=base.urban)
    await base.step("b", 1, Step.CHECK)
    await base.published("c")
    waiting = await base.do(finding.waiting)
    assert [(one.code, one.state.value) for one in waiting] == [("a", "draft"), ("b", "checked")]
    assert [one.code for one in await base.do(lambda s: finding.waiting(s, unit_id=base.urban))] == ["b"]


# --- in calls ---------------------------------------------------------------------------------------------------------


async def read_aloud(desk: KnowledgeDesk, code: str) -> str:
    """As a menu does."""
    found = await desk.spoken(code)
    await desk.given(found, call=CALL)
    return found.spoken


async def test_the_telephone_reads_what_counts_today_and_it_is_on_record(base: Base, clock: ManualClock) -> None:
    desk = KnowledgeDesk(base.database, clock, "Asia/Shanghai")
    await base.published("sbk", spoken="社保卡补办，请带身份证。")
    for _ in range(2):
        assert await read_aloud(desk, "sbk") == "社保卡补办，请带身份证。"
    await base.write("sbk", 1, spoken="第二版。")
    await base.publish("sbk", 2)
    assert await read_aloud(desk, "sbk") == "第二版。"
    async with base.database.transaction() as session:
        version = (await finding.current(session, "sbk", today=TODAY)).version_id
        await answers.record_use(session, call=CALL, version_id=version, by="1001", at=MORNING + timedelta(hours=1))
    uses = await base.do(lambda s: answers.uses_of(s, CALL))
    assert [(use.code, use.version, use.by) for use in uses] == [
        ("sbk", 1, BY_MENU),
        ("sbk", 2, BY_MENU),
        ("sbk", 2, "1001"),
    ]
    assert await base.do(lambda s: answers.uses_of(s, "ast1-1763761000.13")) == []


async def test_the_telephone_says_nothing_of_what_is_not_for_it(base: Base, clock: ManualClock) -> None:
    desk = KnowledgeDesk(base.database, clock, "Asia/Shanghai")
    await base.published("silent")
    await base.create("draft", spoken="草稿。")
    await base.published("ended", spoken="旧的。", valid_until=TODAY)
    for code in ("silent", "draft", "none"):
        with pytest.raises(NoAnswer):
            await desk.spoken(code)
    # The city's day, not that of UTC: it is the 22nd there at 16:00 UTC of the 21st.
    clock.advance(14.5 * 3600)
    assert clock.now().date() == TODAY
    assert (await desk.spoken("ended")).spoken == "旧的。"
    clock.advance(3600)
    assert clock.now().date() == TODAY
    with pytest.raises(NoAnswer):
        await desk.spoken("ended")


async def test_a_citizen_hears_the_answer_although_its_use_cannot_be_kept(base: Base, clock: ManualClock) -> None:
    desk = KnowledgeDesk(base.database, clock, "Asia/Shanghai")
    await base.published("sbk", spoken="请带身份证。")
    await base.do(lambda s: s.execute(text("ALTER TABLE knowledge_use ADD CONSTRAINT full_up CHECK (false)")))
    assert await read_aloud(desk, "sbk") == "请带身份证。"
    assert (await base.do(lambda s: s.scalars(select(UseRow)))).all() == []


async def test_every_text_that_is_or_will_be_spoken_can_be_rendered_before(base: Base) -> None:
    await base.published("a", spoken="现在。")
    await base.write("a", 1, spoken="以后。", valid_from=LATER)
    await base.publish("a", 2)
    await base.create("b", spoken="草稿。")
    await base.published("c")
    texts = await base.do(lambda s: finding.spoken_texts(s, today=TODAY))
    assert texts == [("a", "现在。"), ("a", "以后。")]
    assert await base.do(lambda s: finding.spoken_texts(s, today=LATER)) == [("a", "以后。")]
