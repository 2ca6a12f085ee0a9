"""Import of an old system: what comes in, in which state, with which clocks; again, changed, and killed half way."""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from directory.models import Role, Unit
from hotline.clock import ManualClock
from hotline.database import Database
from tests.ticketing.conftest import Counter as Desk
from ticketing import clocks, lifecycle
from ticketing.clock_tables import TicketClockRow, TicketNoticeRow
from ticketing.deadlines import Deadlines
from ticketing.handling import archive
from ticketing.importing.errors import FileUnreadable
from ticketing.importing.mapping import FileMapping
from ticketing.importing.running import Importer, ImportReport, Phase
from ticketing.importing.tables import ImportMappingRow, ImportRecordRow
from ticketing.importing.words import Clash, Kind, Outcome
from ticketing.knowledge.schemas import Editor
from ticketing.knowledge.tables import EntryRow, VersionRow
from ticketing.lifecycle import TRANSITIONS
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.policy import TicketPolicy
from ticketing.relations import duplicates
from ticketing.relations.duplicates import Demand
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, ClockEnd, ClockKind, State

EDITOR = Editor(7, "importer", frozenset({Role.SUPERVISOR}))
NOW = datetime(2026, 9, 29, 1, 0, tzinfo=UTC)
HEADER = (
    "工单编号,类型,标题,内容,来电号码,诉求人,状态,受理时间,派单时间,主办单位,协办单位,签收时间,延期次数,办理期限,"
    "答复时间,答复内容,满意度,办结时间,办理过程"
)

ROW: Mapping[str, str] = {
    "工单编号": "OLD-1",
    "类型": "投诉",
    "标题": "黄河路路灯不亮",
    "内容": "黄河路路灯不亮三天了",
    "来电号码": "13812345678",
    "诉求人": "王小明",
    "状态": "办理中",
    "受理时间": "2026-09-28 09:00",
    "派单时间": "2026-09-28 10:00",
    "主办单位": "市城管局",
    "签收时间": "2026-09-28 11:00",
}
CLOSED: Mapping[str, str] = {
    **ROW,
    "工单编号": "OLD-2",
    "状态": "已办结",
    "受理时间": "2020/1/2 9:00",
    "派单时间": "2020/1/2 10:00",
    "签收时间": "2020/1/2 11:00",
    "延期次数": "1",
    "办理期限": "2020/1/9 23:59:59",
    "答复时间": "2020/1/10 8:00",
    "答复内容": "已修复",
    "满意度": "满意",
    "办结时间": "2020/1/11 8:00",
    "办理过程": "1月2日受理；1月10日修好",
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def importer(counter: Desk) -> Importer:
    return Importer(counter.database, site="smx", zone="Asia/Shanghai", area_code="0398", clock=counter.clock)


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: Mapping[str, str], name: str = "old.csv", header: str = HEADER) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, header.split(","))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


async def bring(importer: Importer, path: Path, kind: Kind = Kind.TICKETS, **options: Any) -> ImportReport:
    return await importer.run(path, kind, source="old12345", editor=EDITOR, **{"dry_run": False, **options})


async def ticket_of(database: Database, key: str) -> TicketRow:
    async with database.transaction() as session:
        ticket_id = select(ImportRecordRow.ticket_id).where(ImportRecordRow.key == key).scalar_subquery()
        return (await session.scalars(select(TicketRow).where(TicketRow.id == ticket_id))).one()


async def rows_of(database: Database, table: Any, ticket: TicketRow) -> list[Any]:
    async with database.transaction() as session:
        return list(await session.scalars(select(table).where(table.ticket_id == ticket.id).order_by(table.id)))


async def counts(database: Database) -> dict[str, int]:
    tables = (TicketRow, TicketHistoryRow, TicketAssignmentRow, TicketClockRow, ImportRecordRow, Unit, VersionRow)
    async with database.transaction() as session:
        return {one.__tablename__: await session.scalar(select(func.count()).select_from(one)) or 0 for one in tables}


async def test_a_trial_changes_nothing(counter: Desk, importer: Importer, table: Callable[..., Path]) -> None:
    before = await counts(counter.database)
    report = await bring(importer, table(ROW, CLOSED), dry_run=True)
    assert (report.rows, report.outcomes[Outcome.ADDED], report.problems) == (2, 2, [])
    assert await counts(counter.database) == before


async def test_an_open_ticket_runs_under_the_policy_from_its_dispatch(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    """Dispatched Mon 2026-09-28: five working days, Sat 10-10 being one, end on 10-10 at 24:00 (TH 16)."""
    await bring(importer, table(ROW))
    ticket = await ticket_of(counter.database, "OLD-1")
    assert (ticket.state, ticket.version, ticket.number) == (State.HANDLING, 4, "SMX20260928000001")
    assert ticket.caller_number == "+8613812345678"
    running = {clock.kind: clock for clock in await rows_of(counter.database, TicketClockRow, ticket)}
    assert running[ClockKind.HANDLING].ends_at == datetime(2026, 10, 10, 16, 0, tzinfo=UTC)
    assert running[ClockKind.RETURN].ends_at == datetime(2026, 9, 30, 16, 0, tzinfo=UTC)
    assert all(clock.ended is None and clock.next_at is not None for clock in running.values())
    (part,) = await rows_of(counter.database, TicketAssignmentRow, ticket)
    assert (part.state, part.signed_at) == ("working", datetime(2026, 9, 28, 3, 0, tzinfo=UTC))
    # It goes on here like any other.
    async with counter.database.transaction() as session:
        done = await lifecycle.apply(
            session,
            ticket.number,
            Action.RETURN,
            counter.people.other_handler,
            version=4,
            at=counter.clock.now(),
            details=_with(note="不属于我局", basis="三定方案"),
        )
    assert done.state is State.RETURN_ASKED


def _with(**details: str) -> Any:
    from ticketing.schemas import Details

    return Details.model_validate(details)


async def test_an_extended_one_has_the_later_end_and_says_why(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    await bring(importer, table({**ROW, "延期次数": "1"}))
    ticket = await ticket_of(counter.database, "OLD-1")
    handling = next(
        one for one in await rows_of(counter.database, TicketClockRow, ticket) if one.kind == ClockKind.HANDLING
    )
    assert handling.ends_at == datetime(2026, 10, 16, 16, 0, tzinfo=UTC)
    async with counter.database.transaction() as session:
        assert await clocks._acts(session, ticket, Action.GRANT_EXTENSION) == [Action.GRANT_EXTENSION]


async def test_a_closed_ticket_is_archived_and_never_warned_of(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    await bring(importer, table(CLOSED))
    ticket = await ticket_of(counter.database, "OLD-2")
    assert ticket.state == State.ARCHIVED
    assert ticket.number.startswith("SMX20200102")
    history = await rows_of(counter.database, TicketHistoryRow, ticket)
    assert [entry.action for entry in history] == [
        *("register", "accept", "dispatch", "sign_for", "extend", "grant_extension"),
        *("reply", "approve_reply", "visit", "evaluate", "close", "archive"),
    ]
    assert history[0].details == {
        "imported": {"source": "old12345", "number": "OLD-2"},
        "course": "1月2日受理；1月10日修好",
    }
    assert history[6].note == "已修复"
    assert history[6].at == datetime(2020, 1, 10, 0, 0, tzinfo=UTC)
    (clock,) = await rows_of(counter.database, TicketClockRow, ticket)
    assert (clock.ended, clock.next_at) == (ClockEnd.LATE, None)
    counter.clock.advance(timedelta(days=400).total_seconds())
    assert await Deadlines(counter.database, counter.clock).step() == 0
    assert await rows_of(counter.database, TicketNoticeRow, ticket) == []
    async with counter.database.transaction() as session:
        kept = await archive.of(session, ticket.number)
    assert "1月2日受理" in kept.file


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        CLOSED,
        {**ROW, "状态": "已派单"},
        {**ROW, "状态": "待派单", "派单时间": "", "主办单位": "", "签收时间": ""},
        {**ROW, "状态": "退单中"},
        {**ROW, "状态": "已登记", "派单时间": "", "主办单位": "", "签收时间": ""},
        {**ROW, "状态": "待回访", "答复时间": "2026-09-28 12:00"},
        {**ROW, "状态": "不予受理", "答复内容": "请找法院", "派单时间": "", "主办单位": "", "签收时间": ""},
        {**ROW, "状态": "不予受理", "答复内容": "请找法院"},
        {**CLOSED, "派单时间": "", "主办单位": "", "签收时间": "", "延期次数": ""},
        {**CLOSED, "延期次数": "2", "协办单位": "市人社局"},
    ],
)
async def test_every_history_is_one_that_the_table_allows(
    row: Mapping[str, str], counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    report = await bring(importer, table(row))
    assert report.problems == []
    ticket = await ticket_of(counter.database, row["工单编号"])
    history = await rows_of(counter.database, TicketHistoryRow, ticket)
    assert (history[0].action, history[0].from_state) == (Action.REGISTER, None)
    for before, entry in itertools.pairwise(history):
        assert entry.from_state == before.to_state
        assert entry.version == before.version + 1
        assert entry.at >= before.at
        assert TRANSITIONS[State(entry.from_state), Action(entry.action)].next == entry.to_state
    assert (ticket.state, ticket.version) == (history[-1].to_state, history[-1].version)


async def test_every_wrong_cell_is_told_with_row_and_column(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    bad = {**ROW, "工单编号": "B", "类型": "闲聊", "来电号码": "无", "主办单位": "没有的局", "受理时间": "昨天"}
    path = table(
        ROW,
        bad,
        {**CLOSED, "办结时间": ""},
        {**ROW, "标题": "同号"},
        {**CLOSED, "工单编号": "C", "答复时间": "2019-01-01"},
        {**ROW, "工单编号": "D", "受理时间": "2027-01-01"},
        {**ROW, "工单编号": "", "内容": "=1+1", "状态": "不知道"},
    )
    before = await counts(counter.database)
    report = await bring(importer, path)
    assert report.refused
    told = {(problem.row, problem.column) for problem in report.problems}
    assert told == {
        *((3, column) for column in ("类型", "来电号码", "主办单位", "受理时间")),
        (4, "办结时间"),
        (5, "工单编号"),
        (6, "答复时间"),
        *((7, column) for column in ("受理时间", "派单时间")),
        *((8, column) for column in ("工单编号", "内容", "状态")),
    }
    assert str(report.problems[0]).startswith("第 3 行“")
    assert all(any("\u4e00" <= character <= "\u9fff" for character in problem.why) for problem in report.problems)
    assert await counts(counter.database) == before, "nothing was written"
    taken = await bring(importer, path, good_rows_only=True)
    assert taken.outcomes[Outcome.ADDED] == 1


async def test_words_and_columns_are_data(counter: Desk, importer: Importer, table: Callable[..., Path]) -> None:
    mapping = FileMapping(
        columns={"key": "流水", "lead": "经办"},
        words={"lead": {"城管": "市城管局"}, "caller_number": {"无": ""}, "state": {"弄着呢": "办理中"}},
        defaults={"type": "求助"},
    )
    async with counter.database.transaction() as session:
        session.add(
            ImportMappingRow(
                kind="tickets",
                source="old12345",
                mapping=mapping.model_dump(mode="json"),
                changed_by="x",
                changed_at=NOW,
            )
        )
    row = {
        "流水": "77",
        "内容": "路灯",
        "来电号码": "无",
        "状态": "弄着呢",
        "受理时间": "20260928",
        "派单时间": "20260928",
        "经办": "城管",
        "杂": "x",
    }
    report = await bring(importer, table(row, header=",".join(row)))
    assert report.ignored_columns == ("杂",)
    ticket = await ticket_of(counter.database, "77")
    assert (ticket.type, ticket.title, ticket.caller_number, ticket.state) == ("help", "路灯", "", "handling")


async def test_a_second_run_changes_nothing(counter: Desk, importer: Importer, table: Callable[..., Path]) -> None:
    path = table(ROW, CLOSED)
    await bring(importer, path)
    before = await counts(counter.database)
    counter.clock.advance(3_600)
    report = await bring(importer, path)
    assert report.outcomes == {Outcome.UNCHANGED: 2}
    assert await counts(counter.database) == before


async def test_a_row_that_went_on_there_goes_on_here(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    waiting = {**ROW, "状态": "待派单", "派单时间": "", "主办单位": "", "签收时间": ""}
    await bring(importer, table(waiting))
    ticket = await ticket_of(counter.database, "OLD-1")
    kinds = [clock.kind for clock in await rows_of(counter.database, TicketClockRow, ticket)]
    assert kinds == [ClockKind.DISPATCH, ClockKind.PASS_ON]
    for row in (
        {**ROW, "状态": "已派单", "签收时间": ""},
        {**ROW, "标题": "黄河路路灯全不亮"},
        {**ROW, "标题": "黄河路路灯全不亮", "状态": "待回访", "答复时间": "2026-09-28 12:00", "答复内容": "已修"},
    ):
        report = await bring(importer, table(row))
        assert report.outcomes == {Outcome.CHANGED: 1}
    ticket = await ticket_of(counter.database, "OLD-1")
    history = await rows_of(counter.database, TicketHistoryRow, ticket)
    assert [entry.action for entry in history] == [
        *("register", "accept", "dispatch", "amend", "sign_for", "reply", "approve_reply")
    ]
    assert [entry.version for entry in history] == [1, 2, 3, 4, 5, 6, 7]
    assert history[3].details["changed"] == ["title"]
    assert (ticket.state, ticket.version, ticket.title) == (State.REPLIED, 7, "黄河路路灯全不亮")
    ended = {clock.kind: clock.ended for clock in await rows_of(counter.database, TicketClockRow, ticket)}
    assert ended == {
        ClockKind.DISPATCH: ClockEnd.MET,
        ClockKind.PASS_ON: ClockEnd.LATE,
        ClockKind.HANDLING: ClockEnd.MET,
        ClockKind.RETURN: ClockEnd.WITHDRAWN,
    }
    (part,) = await rows_of(counter.database, TicketAssignmentRow, ticket)
    assert (part.state, part.replied_at) == ("replied", datetime(2026, 9, 28, 4, 0, tzinfo=UTC))
    report = await bring(
        importer,
        table(
            {
                **CLOSED,
                **{"工单编号": "OLD-1"},
                **{name: ROW[name] for name in ("受理时间", "派单时间", "签收时间")},
                "延期次数": "",
                "答复时间": "2026-09-28 12:00",
                "办结时间": "2026-09-28 13:00",
                "办理期限": "",
            }
        ),
    )
    assert report.outcomes == {Outcome.CHANGED: 1}
    assert (await ticket_of(counter.database, "OLD-1")).state == State.ARCHIVED


@pytest.mark.parametrize(
    ("rows", "clash"),
    [
        ((CLOSED, {**CLOSED, "答复内容": "又坏了"}), Clash.ARCHIVED),
        ((ROW, {**ROW, "状态": "已派单", "签收时间": ""}), Clash.OTHER_COURSE),
        ((ROW, {**ROW, "主办单位": "市人社局"}), Clash.OTHER_COURSE),
        ((ROW, {**ROW, "派单时间": "2026-09-28 10:30"}), Clash.OTHER_COURSE),
    ],
)
async def test_what_cannot_follow_is_a_named_conflict(
    rows: tuple[Mapping[str, str], Mapping[str, str]],
    clash: Clash,
    counter: Desk,
    importer: Importer,
    table: Callable[..., Path],
) -> None:
    first, second = rows
    await bring(importer, table(first))
    before = await counts(counter.database)
    for dry_run in (True, False):
        report = await bring(importer, table(second, {**ROW, "工单编号": "NEW"}), dry_run=dry_run)
        assert [(one.row, one.key, one.reason) for one in report.conflicts] == [(2, first["工单编号"], clash)]
    after = await counts(counter.database)
    assert after["ticket"] == before["ticket"] + 1, "the others go in"
    assert after["import_record"] == before["import_record"] + 1


async def test_what_was_worked_on_here_is_not_overwritten(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    await bring(importer, table(ROW))
    row = await ticket_of(counter.database, "OLD-1")
    ticket = Ticket.model_validate(row)
    await counter.act(ticket, Action.RETURN, counter.people.other_handler, note="不是我局", basis="三定方案")
    report = await bring(importer, table({**ROW, "标题": "别的"}))
    assert [one.reason for one in report.conflicts] == [Clash.WORKED_ON]
    assert (await ticket_of(counter.database, "OLD-1")).title == ROW["标题"]


class Killed(BaseException):
    """What ends a process ends here."""


async def test_killed_half_way_and_run_again_it_ends_the_same(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    rows = [{**(CLOSED if n % 3 else ROW), "工单编号": f"K{n}"} for n in range(1_200)]
    path = table(*rows)

    def kill(phase: Phase, done: int, _all: int | None) -> None:
        if phase is Phase.WRITING and done >= 500:
            raise Killed

    with pytest.raises(Killed):
        await bring(importer, path, told=kill)
    assert (await counts(counter.database))["ticket"] == 500
    report = await bring(importer, path)
    assert report.outcomes == {Outcome.UNCHANGED: 500, Outcome.ADDED: 700}
    async with counter.database.transaction() as session:
        pairs = (
            await session.execute(
                select(ImportRecordRow.key, TicketRow.number)
                .join(TicketRow, TicketRow.id == ImportRecordRow.ticket_id)
                .order_by(TicketRow.id)
            )
        ).all()
    assert [key for key, _ in pairs] == [f"K{n}" for n in range(1_200)]
    of_a_day = [number for _, number in pairs if "20200102" in number]
    assert of_a_day == [f"SMX20200102{n:06d}" for n in range(1, 801)], "numbers as an uninterrupted run gives them"


async def test_two_imports_at_once_bring_each_row_in_once(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    path = table(*({**ROW, "工单编号": f"K{n}"} for n in range(700)))
    reports = await asyncio.gather(*(bring(importer, path) for _ in range(2)))
    assert sum(report.outcomes[Outcome.ADDED] for report in reports) == 700
    assert (await counts(counter.database))["ticket"] == 700


async def test_imported_tickets_are_found_like_others(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    await bring(importer, table(ROW))
    async with counter.database.transaction() as session:
        found = await duplicates.candidates(
            session,
            Demand("黄河路路灯不亮", "黄河路路灯不亮三天了"),
            policy=TicketPolicy(),
            at=counter.clock.now(),
        )
    assert [one.title for one in found] == ["黄河路路灯不亮"]


UNITS = "单位编码,单位名称,层级,上级单位编码"


async def test_units_come_in_with_those_above_them(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    lines = [
        {"单位编码": "A1", "单位名称": "湖滨区住建局", "层级": "县级", "上级单位编码": "A"},
        {"单位编码": "A", "单位名称": "湖滨区", "层级": "县级", "上级单位编码": "C"},
        {"单位编码": "C", "单位名称": "三门峡市", "层级": "市级"},
        {"单位编码": "R", "单位名称": "市人社局", "层级": "市级"},
    ]
    path = table(*lines, header=UNITS)
    before = await counts(counter.database)
    trial = await bring(importer, path, Kind.UNITS, dry_run=True)
    assert trial.outcomes == {Outcome.ADDED: 3, Outcome.UNCHANGED: 1}
    assert await counts(counter.database) == before
    report = await bring(importer, path, Kind.UNITS)
    assert report.outcomes == trial.outcomes
    async with counter.database.transaction() as session:
        units = {unit.name: unit for unit in await session.scalars(select(Unit))}
    assert units["湖滨区住建局"].parent_id == units["湖滨区"].id
    assert units["湖滨区"].parent_id == units["三门峡市"].id
    assert units["市人社局"].id == counter.people.handler.unit_id, "one that was there is taken for it"
    assert (await bring(importer, path, Kind.UNITS)).outcomes == {Outcome.UNCHANGED: 4}
    # Tickets name units by the old codes too.
    await bring(importer, table({**ROW, "主办单位": "A1"}))
    ticket = await ticket_of(counter.database, "OLD-1")
    (part,) = await rows_of(counter.database, TicketAssignmentRow, ticket)
    assert part.unit_id == units["湖滨区住建局"].id
    lines[0]["单位名称"] = "湖滨区住房和城乡建设局"
    assert (await bring(importer, table(*lines, header=UNITS), Kind.UNITS)).outcomes[Outcome.CHANGED] == 1
    lines[2]["单位名称"] = "市人社局"
    clash = await bring(importer, table(*lines, header=UNITS), Kind.UNITS)
    assert [(one.row, one.reason) for one in clash.conflicts] == [(4, Clash.NAME_TAKEN)]


async def test_units_that_hang_in_the_air_are_refused(
    counter: Desk, importer: Importer, table: Callable[..., Path]
) -> None:
    path = table(
        {"单位编码": "A", "单位名称": "甲", "上级单位编码": "B"},
        {"单位编码": "B", "单位名称": "乙", "上级单位编码": "A"},
        {"单位编码": "C", "单位名称": "丙", "上级单位编码": "X"},
        {"单位编码": "D", "单位名称": "丁", "上级单位编码": "C"},
        {"单位编码": "E", "单位名称": "戊", "层级": "县级"},
        {"单位编码": "F", "单位名称": "己"},
        header=UNITS,
    )
    report = await bring(importer, path, Kind.UNITS)
    assert report.refused
    assert [problem.row for problem in report.problems] == [2, 3, 4, 5, 6]
    taken = await bring(importer, path, Kind.UNITS, good_rows_only=True)
    assert taken.outcomes == {Outcome.ADDED: 1}


KNOWLEDGE = "知识编号,标题,答案,责任单位,是否公开,生效日期,失效日期,复审日期"


async def test_knowledge_comes_in_as_drafts(counter: Desk, importer: Importer, table: Callable[..., Path]) -> None:
    row = {
        "知识编号": "K-1",
        "标题": "社保卡补办",
        "答案": "带身份证",
        "责任单位": "市人社局",
        "是否公开": "是",
        "复审日期": "2027-01-01",
    }
    path = table(row, header=KNOWLEDGE)
    assert (await bring(importer, path, Kind.KNOWLEDGE)).outcomes == {Outcome.ADDED: 1}
    assert (await bring(importer, path, Kind.KNOWLEDGE)).outcomes == {Outcome.UNCHANGED: 1}
    async with counter.database.transaction() as session:
        entry = (await session.scalars(select(EntryRow))).one()
        (version,) = await session.scalars(select(VersionRow))
    assert (entry.code, entry.review_on, entry.unit_id) == (
        "old12345-K-1",
        date(2027, 1, 1),
        counter.people.handler.unit_id,
    )
    assert (version.state, version.public, version.written_by_user) == ("draft", True, 7)
    changed = table({**row, "答案": "带身份证和照片"}, header=KNOWLEDGE)
    assert (await bring(importer, changed, Kind.KNOWLEDGE)).outcomes == {Outcome.CHANGED: 1}
    async with counter.database.transaction() as session:
        await session.execute(update(EntryRow).values(latest=3))
    again = await bring(importer, table(row, header=KNOWLEDGE), Kind.KNOWLEDGE)
    assert [one.reason for one in again.conflicts] == [Clash.WORKED_ON]
    wrong = await bring(
        importer, table({**row, "知识编号": "一", "责任单位": "", "失效日期": "x"}, header=KNOWLEDGE), Kind.KNOWLEDGE
    )
    assert {problem.column for problem in wrong.problems} == {"知识编号", "责任单位", "失效日期"}


async def test_a_file_without_its_columns_is_refused(importer: Importer, table: Callable[..., Path]) -> None:
    with pytest.raises(FileUnreadable, match="受理时间"):
        await bring(importer, table(header="工单编号,内容,状态"))


async def test_progress_is_told(counter: Desk, importer: Importer, table: Callable[..., Path]) -> None:
    told: list[tuple[Phase, int, int | None]] = []
    path = table(*({**ROW, "工单编号": f"K{n}"} for n in range(600)))
    await bring(importer, path, told=lambda *how: told.append(how))
    assert told == [
        (Phase.CHECKING, 500, None),
        (Phase.CHECKING, 600, None),
        (Phase.WRITING, 500, 600),
        (Phase.WRITING, 600, 600),
    ]
