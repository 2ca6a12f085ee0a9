"""派单目录: tables from files, who a category of an area is for, suggestions, and reports on units."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook
from sqlalchemy import select

from directory.models import Unit, UnitLevel
from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.catalogue import accused, categories, importing, suggesting
from ticketing.catalogue.errors import AccusedUnit, CategoryNotFound, ImportRefused, UnreadableTable
from ticketing.catalogue.importing import CATALOGUE_COLUMNS, CATEGORY_COLUMNS, ImportReport
from ticketing.catalogue.sheets import read
from ticketing.catalogue.suggesting import From, Suggestions
from ticketing.catalogue.tables import CatalogueRow
from ticketing.errors import UnitNotFound
from ticketing.schemas import Changes, Ticket
from ticketing.vocabulary import Action, ClockKind

TODAY = date(2026, 11, 21)
CATEGORIES = "编码,名称,上级编码,停用\n0101,漏水,01,\n01,供水,,\n0102,水质,01,否\n0199,旧类,01,是\n"
ROWS = (
    "类别编码,区划代码,主办单位,协办单位,生效日期,失效日期,备注\n"
    "01,,市人社局,,2026-01-01,,全市\n"
    "0101,411202,市城管局,市人社局,2026-01-01,,\n"
)


async def bring(counter: Counter, text: str | bytes = ROWS, *, dry_run: bool = False) -> ImportReport:
    content = text if isinstance(text, bytes) else text.encode()
    async with counter.database.transaction() as session:
        return await importing.import_catalogue(
            session, read(content, CATALOGUE_COLUMNS), dry_run=dry_run, today=TODAY, by="admin", at=counter.clock.now()
        )


async def bring_categories(counter: Counter, text: str | bytes = CATEGORIES, *, dry_run: bool = False) -> ImportReport:
    content = text if isinstance(text, bytes) else text.encode()
    async with counter.database.transaction() as session:
        return await importing.import_categories(session, read(content, CATEGORY_COLUMNS), dry_run=dry_run)


async def lead(counter: Counter, category: str, area: str, day: date = TODAY) -> int | None:
    async with counter.database.transaction() as session:
        found = await suggesting.catalogued(session, category, area, day)
    return None if found is None else found[0].lead_unit_id


async def suggested(counter: Counter, ticket: Ticket) -> Suggestions:
    async with counter.database.transaction() as session:
        return await suggesting.suggest(session, ticket.number, at=counter.clock.now())


async def accuse(counter: Counter, ticket: Ticket, *units: int) -> bool:
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        await accused.name(session, row, units, by="1001", at=counter.clock.now())
        return await accused.routed_to_accused(session, row)


def unit(value: int | None) -> int:
    assert value is not None
    return value


async def test_a_file_a_second_time_changes_nothing(counter: Counter) -> None:
    trial = await bring_categories(counter, dry_run=True)
    assert (trial.added, trial.bad) == (["0101", "01", "0102", "0199"], [])
    async with counter.database.transaction() as session:
        assert list(await categories.tree(session)) == []
    assert (await bring_categories(counter)).added == trial.added
    again = await bring_categories(counter)
    assert (again.added, again.changed, again.unchanged) == ([], [], 4)
    renamed = await bring_categories(counter, CATEGORIES.replace("水质", "饮水水质"))
    assert (renamed.changed, renamed.unchanged) == (["0102"], 3)
    assert (await bring(counter)).added == ["01 2026-01-01", "0101 411202 2026-01-01"]
    assert (await bring(counter)).unchanged == 2


def workbook(*rows: tuple[str | float | datetime | None, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


async def test_a_workbook_with_numbers_and_days_as_excel_keeps_them(counter: Counter) -> None:
    await bring_categories(counter, workbook(("名称", "编码"), ("供水", 12), ("供电", 13.0)))
    content = workbook(
        ("类别编码", "主办单位", "生效日期", "备注"),
        (12, "市城管局", datetime(2026, 3, 1), None),
        (None, None, None, None),
        (13, "市人社局", "2026/3/1", "x"),
    )
    assert (await bring(counter, content)).added == ["12 2026-03-01", "13 2026-03-01"]
    assert [row.line for row in read(content, CATALOGUE_COLUMNS)] == [2, 4]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("9,,市人社局,,2026-01-01,,", "没有类别编码 9"),
        ("01,4112,市人社局,,2026-01-01,,", "区划代码"),
        ("01,,市住建局,,2026-01-01,,", "没有单位“市住建局”"),
        ("01,,市人社局,市城管局、市人社局,2026-01-01,,", "同一单位写了两次"),
        ("01,,市人社局,,2026-02-30,,", "生效日期应为"),
        ("01,,市人社局,,昨天,,", "生效日期应为"),
        ("01,,市人社局,,2026-02-01,2026-01-31,", "失效日期早于"),
        ("0101,411202,市人社局,,2026-01-01,,", "与第 3 行"),
        ("01,,同名局,,2026-01-01,,", "有几个单位叫“同名局”"),
    ],
)
async def test_bad_rows_are_named_by_line_and_nothing_is_written(line: str, why: str, counter: Counter) -> None:
    await bring_categories(counter)
    async with counter.database.transaction() as session:
        counties = [Unit(name=name, level=UnitLevel.COUNTY) for name in ("湖滨区", "陕州区")]
        session.add_all(counties)
        await session.flush()
        session.add_all(Unit(name="同名局", level=UnitLevel.COUNTY, parent_id=one.id) for one in counties)
    ((where, reason),) = (await bring(counter, f"{ROWS}{line}\n", dry_run=True)).bad
    assert (where, why in reason) == ("line 4", True)
    with pytest.raises(ImportRefused) as refused:
        await bring(counter, f"{ROWS}{line}\n")
    assert refused.value.wrong == ((where, reason),)
    async with counter.database.transaction() as session:
        assert list(await session.scalars(select(CatalogueRow))) == []
    named = "01,,湖滨区/同名局,,2026-01-01,,"
    assert len((await bring(counter, ROWS.splitlines()[0] + f"\n{named}\n")).added) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("编码,名称,上级编码\n1,甲,2\n2,乙,1\n", "循环"),
        ("编码,名称,上级编码\n1,甲,7\n", "没有上级编码 7"),
        ("编码,名称\n1,甲\n1,乙\n", "在第 2 行已有"),
        ("编码,名称\n一,甲\n", "编码应为"),
        ("编码,名称\n1,\n", "名称应为"),
        ("编码,名称,停用\n1,甲,也许\n", "停用应为"),
    ],
)
async def test_a_tree_that_is_none_is_refused(text: str, why: str, counter: Counter) -> None:
    with pytest.raises(ImportRefused) as refused:
        await bring_categories(counter, text)
    assert why in refused.value.wrong[0][1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        "编码\n1\n".encode(),
        "编码,名称,颜色\n".encode(),
        "编码,名称,编码\n".encode(),
        b"PK\x03\x04 and no archive",
        '编码,名称\n"1,甲\n'.encode(),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableTable):
        read(content, CATEGORY_COLUMNS)


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (65 << 20))
    with pytest.raises(UnreadableTable, match="too large"):
        read(target.getvalue(), CATEGORY_COLUMNS)


def test_what_excel_writes_in_chinese_windows_is_read() -> None:
    rows = read("编码,名称\r\n1,供水\r\n".encode("gb18030"), CATEGORY_COLUMNS)
    assert rows[0].values == {"code": "1", "name": "供水", "parent": "", "retired": ""}


async def test_the_nearest_category_then_the_nearest_area_counts(counter: Counter) -> None:
    labour, urban = counter.people.handler.unit_id, counter.people.other_handler.unit_id
    await bring_categories(counter)
    await bring(counter)
    assert await lead(counter, "0101", "411202001000") == urban
    assert await lead(counter, "0101", "411203") == labour
    assert await lead(counter, "0102", "411202") == labour
    assert await lead(counter, "01", "") == labour
    assert await lead(counter, "", "411202") is None
    assert await lead(counter, "01", "411202", date(2025, 12, 31)) is None


async def test_the_newest_row_that_has_begun_counts_and_it_alone(counter: Counter) -> None:
    labour, urban = counter.people.handler.unit_id, counter.people.other_handler.unit_id
    await bring_categories(counter)
    head = ROWS.splitlines()[0]
    await bring(counter, f"{head}\n01,,市人社局,,2026-01-01,,\n01,,市城管局,,2026-12-01,2026-12-31,\n")
    days = {
        day: await lead(counter, "01", "", day) for day in (date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 1))
    }
    assert list(days.values()) == [labour, urban, None]


async def test_a_row_that_has_begun_is_not_rewritten_but_may_end(counter: Counter) -> None:
    await bring_categories(counter)
    await bring(counter)
    with pytest.raises(ImportRefused) as refused:
        await bring(counter, ROWS.replace("01,,市人社局", "01,,市城管局"))
    assert refused.value.wrong == (("line 2", "已生效的目录不改写：请写新的生效日期"),)
    with pytest.raises(ImportRefused):
        await bring(counter, ROWS.replace("2026-01-01,,全市", "2026-01-01,2026-11-20,全市"))
    ended = await bring(counter, ROWS.replace("2026-01-01,,全市", "2026-01-01,2026-11-21,全市"))
    assert ended.changed == ["01 2026-01-01"]


async def test_a_category_is_one_of_the_tree(counter: Counter) -> None:
    await bring_categories(counter)
    for wrong in ("77", "0199"):
        with pytest.raises(CategoryNotFound):
            await counter.register(category=wrong)
    ticket = await counter.register(category="0101")
    async with counter.database.transaction() as session:
        amended = await counter.desk.amend(
            session, ticket.number, Changes(category="0102"), counter.people.agent, version=1
        )
    assert (ticket.category, amended.category) == ("0101", "0102")


async def closed_by(counter: Counter, title: str, unit_id: int | None, **fields: object) -> Ticket:
    people = counter.people
    handler = people.handler if unit_id == people.handler.unit_id else people.other_handler
    head = people.head.__class__("head", people.head.roles, unit_id)
    ticket = await counter.act(await counter.register(title, **fields), Action.ACCEPT, people.agent)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=unit_id)
    ticket = await counter.act(ticket, Action.SIGN_FOR, handler)
    ticket = await counter.act(ticket, Action.REPLY, handler, note="已办")
    await counter.answered(ticket, handler)
    ticket = await counter.act(ticket, Action.APPROVE_REPLY, head)
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="满意")
    return await counter.act(ticket, Action.CLOSE, people.visitor)


async def test_similar_closed_tickets_and_the_catalogue_speak_for_units(counter: Counter) -> None:
    labour, urban = counter.people.handler.unit_id, counter.people.other_handler.unit_id
    await bring_categories(counter)
    await bring(counter)
    earlier = [await closed_by(counter, f"黄河路{n}号自来水管漏水", urban, area_code="411202") for n in (1, 2)]
    await closed_by(counter, "社保卡补办要带什么材料", labour)
    await closed_by(counter, "黄河路9号自来水管漏水", labour, area_code="411281")
    ticket = await counter.register("崤山路3号自来水管漏水", category="0102", area_code="411202")
    found = await suggested(counter, ticket)
    by_unit = {one.lead_unit: one for one in found.suggested}
    assert [one.lead_unit for one in found.suggested] == sorted(by_unit, key=lambda one: -by_unit[one].confidence)
    (catalogued,) = by_unit[unit(labour)].grounds
    assert (catalogued.source, "供水" in catalogued.text) == (From.CATALOGUE, True)
    (similar,) = by_unit[unit(urban)].grounds
    assert (similar.source, set(similar.numbers)) == (From.SIMILAR, {one.number for one in earlier})
    assert by_unit[unit(urban)].lead_name == "市城管局"
    assert all(0 < one.confidence < 1 for one in found.suggested)
    both = await suggested(counter, await counter.register("自来水管漏水", category="0101", area_code="411202"))
    assert [ground.source for ground in both.suggested[0].grounds] == [From.CATALOGUE, From.SIMILAR]
    assert both.suggested[0].confidence > 0.95
    assert both.suggested[0].assisting_units == (labour,)


async def test_nothing_is_dispatched_by_a_suggestion(counter: Counter) -> None:
    await bring_categories(counter)
    await bring(counter)
    ticket = await counter.act(await counter.register(category="0101"), Action.ACCEPT, counter.people.agent)
    await suggested(counter, ticket)
    file = await counter.file(ticket)
    assert (file.ticket, file.assignments) == (ticket, ())


async def test_a_report_is_never_suggested_or_routed_to_the_unit_it_accuses(counter: Counter) -> None:
    people = counter.people
    labour, urban = unit(people.handler.unit_id), unit(people.other_handler.unit_id)
    await bring_categories(counter)
    await bring(counter)
    await closed_by(counter, "自来水管漏水没人管", urban, area_code="411202")
    report = await counter.register("举报自来水管漏水没人管", type="report", category="0101", area_code="411202")
    assert urban in {one.lead_unit for one in (await suggested(counter, report)).suggested}
    assert await accuse(counter, report, urban) is False
    found = await suggested(counter, report)
    assert (found.barred, [one.lead_unit for one in found.suggested]) == ((urban,), [])
    report = await counter.act(report, Action.ACCEPT, people.agent)
    for units in ({"lead_unit": urban}, {"lead_unit": labour, "assisting_units": [urban]}):
        with pytest.raises(AccusedUnit):
            await counter.act(report, Action.DISPATCH, people.dispatcher, **units)
    assert (await counter.file(report)).assignments == ()
    await counter.act(report, Action.DISPATCH, people.dispatcher, lead_unit=labour)
    with pytest.raises(UnitNotFound):
        await accuse(counter, report, 10**9)


async def test_nor_to_one_below_it(counter: Counter) -> None:
    people = counter.people
    async with counter.database.transaction() as session:
        county = Unit(name="湖滨区", level=UnitLevel.COUNTY)
        session.add(county)
        await session.flush()
        bureau = Unit(name="湖滨区住建局", level=UnitLevel.COUNTY, parent_id=county.id)
        session.add(bureau)
        await session.flush()
        ids = county.id, bureau.id
    report = await counter.act(await counter.register("举报", type="report"), Action.ACCEPT, people.agent)
    await accuse(counter, report, ids[0])
    with pytest.raises(AccusedUnit):
        await counter.act(report, Action.DISPATCH, people.dispatcher, lead_unit=ids[1])
    other = await counter.act(await counter.register("举报", type="report"), Action.ACCEPT, people.agent)
    await accuse(counter, other, ids[1])
    await counter.act(other, Action.DISPATCH, people.dispatcher, lead_unit=ids[0])


async def test_a_complaint_about_a_unit_goes_to_it(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.act(await counter.register("投诉", type="complaint"), Action.ACCEPT, people.agent)
    await accuse(counter, ticket, unit(people.handler.unit_id))
    await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)


async def test_a_report_is_not_merged_into_what_the_accused_has_nor_the_other_way_round(counter: Counter) -> None:
    people = counter.people
    labour = unit(people.handler.unit_id)
    main = await counter.handling()
    report = await counter.act(await counter.register("举报", type="report"), Action.ACCEPT, people.agent)
    await accuse(counter, report, labour)
    with pytest.raises(AccusedUnit):
        await counter.merge(report, main.number, people.dispatcher)
    waiting = await counter.act(await counter.register("漏水"), Action.ACCEPT, people.agent)
    await counter.merge(report, waiting.number, people.dispatcher)
    with pytest.raises(AccusedUnit):
        await counter.act(waiting, Action.DISPATCH, people.dispatcher, lead_unit=labour)


async def test_named_too_late_the_centre_is_told_and_takes_it_back(counter: Counter) -> None:
    people = counter.people
    report = await counter.act(await counter.register("举报", type="report"), Action.ACCEPT, people.agent)
    report = await counter.act(report, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    assert await accuse(counter, report, unit(people.handler.unit_id)) is True
    report = await counter.act(report, Action.RECALL, people.dispatcher, note="涉及被举报单位")
    assert await accuse(counter, report, unit(people.handler.unit_id)) is False
    # 即时转办 begins anew: the report still has to be passed on at once (SMX 一(二)2).
    running = {clock.kind for clock in (await counter.file(report)).clocks if clock.ended is None}
    assert running == {ClockKind.DISPATCH, ClockKind.PASS_ON}
