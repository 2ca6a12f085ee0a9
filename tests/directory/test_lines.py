"""Changes to lines on a real database: each is seen by the next snapshot and counts the version up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from directory import lines, repository
from directory.hours import weekdays
from directory.importer import SANMENXIA, import_hotlines
from directory.lines import DirectoryStale, ModeBegun, NewTarget, UnknownMode
from directory.loader import load_snapshot
from directory.models import AccessNumber, Contact, DutyNumber, HotlineMode, Unit, UnitLevel
from directory.modes import Mode, Platform, UnsupportedMode
from directory.snapshot import DirectorySnapshot, KnownBy, UnknownLine
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import Conflict, InvalidInput
from hotline.settings import Settings


@pytest.fixture
async def filled(database: Database, settings: Settings, clock: ManualClock) -> Database:
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=clock.now())
    clock.advance(60)
    return database


async def snapshot_of(database: Database, settings: Settings) -> DirectorySnapshot:
    async with database.transaction() as session:
        return await load_snapshot(session, settings)


async def test_a_mode_changes_at_its_moment_and_history_keeps_both(
    filled: Database, settings: Settings, clock: ManualClock
) -> None:
    began = clock.now() - timedelta(seconds=60)
    version = (await snapshot_of(filled, settings)).version
    switch = clock.now() + timedelta(seconds=5)
    async with filled.transaction() as session:
        line = await lines.get(session, "12300", "0398")
        options = {"expert_seats": True, "effective_from": switch, "actor": "admin", "now": clock.now()}
        assert await lines.change_mode(session, line, Mode.DUAL, Platform.OURS, **options)
        assert not await lines.change_mode(session, line, Mode.DUAL, Platform.OURS, **options)
        history = [(m.mode, m.effective_from, m.recorded_by) for m in await repository.modes(session, line.id)]
    assert history == [(Mode.MERGED, began, "import"), (Mode.DUAL, switch, "admin")]
    snapshot = await snapshot_of(filled, settings)
    assert snapshot.version == version + 1
    assert snapshot.plan("12300", clock.now()).groups_first == ("general",)
    clock.advance(5)
    assert snapshot.plan("12300", clock.now()).groups_first == ("expert-12300",)


async def test_a_mode_that_does_not_fit_or_lies_in_the_past_is_refused(filled: Database, clock: ManualClock) -> None:
    async with filled.transaction() as session:
        line = await lines.get(session, "12300", "0398")
        options = {"expert_seats": False, "actor": "admin", "now": clock.now()}
        with pytest.raises(InvalidInput, match="past"):
            await lines.change_mode(
                session,
                line,
                Mode.RETAINED,
                Platform.OURS,
                effective_from=clock.now() - timedelta(seconds=1),
                **options,
            )
        with pytest.raises(UnsupportedMode):
            await lines.change_mode(session, line, Mode.MERGED, Platform.OWN, effective_from=clock.now(), **options)
        tomorrow = clock.now() + timedelta(days=1)
        await lines.change_mode(session, line, Mode.RETAINED, Platform.OURS, effective_from=tomorrow, **options)
        with pytest.raises(Conflict):
            await lines.change_mode(session, line, Mode.FORWARDED, Platform.OURS, effective_from=tomorrow, **options)


async def test_a_planned_change_can_be_taken_back_but_not_history(filled: Database, clock: ManualClock) -> None:
    async with filled.transaction() as session:
        line = await lines.get(session, "12300", "0398")
        options = {"expert_seats": False, "actor": "admin", "now": clock.now()}
        for days, mode in ((1, Mode.RETAINED), (2, Mode.FORWARDED)):
            moment = clock.now() + timedelta(days=days)
            await lines.change_mode(session, line, mode, Platform.OURS, effective_from=moment, **options)
        merged, retained, forwarded = await repository.modes(session, line.id)
        taken_back = await lines.cancel_planned_mode(session, line, retained.id, now=clock.now())
        assert taken_back.mode is Mode.RETAINED
        with pytest.raises(UnknownMode):
            await lines.cancel_planned_mode(session, line, retained.id, now=clock.now())
        with pytest.raises(ModeBegun):
            await lines.cancel_planned_mode(session, line, merged.id, now=clock.now())
        with pytest.raises(ModeBegun):
            await lines.cancel_planned_mode(session, line, forwarded.id, now=clock.now() + timedelta(days=2))
        assert [m.mode for m in await repository.modes(session, line.id)] == [Mode.MERGED, Mode.FORWARDED]


async def test_a_change_rests_on_the_version_that_was_read(filled: Database, clock: ManualClock) -> None:
    async with filled.transaction() as session:
        version = await repository.version(session)
        await lines.rest_on(session, version, now=clock.now())
        await lines.confirm_name(session, await lines.get(session, "12300", "0398"), None, now=clock.now())
        with pytest.raises(DirectoryStale):
            await lines.rest_on(session, version, now=clock.now())


async def test_targets_keep_their_order_and_hours(filled: Database, settings: Settings, clock: ManualClock) -> None:
    office = weekdays("08:00", "18:00", "Asia/Shanghai")
    targets = [NewTarget("branch-12366", "9901", 15, "上班时间"), NewTarget("branch-12366", "9902", 10)]
    async with filled.transaction() as session:
        await lines.define_schedule(session, "上班时间", office, now=clock.now())
        line = await lines.get(session, "12366", "0398")
        assert await lines.set_targets(session, line, targets, now=clock.now())
        assert not await lines.set_targets(session, line, targets, now=clock.now())
    snapshot = await snapshot_of(filled, settings)
    friday_noon = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    assert [t.user for t in snapshot.plan("12366", friday_noon).targets] == ["9901", "9902"]
    assert [t.user for t in snapshot.plan("12366", friday_noon + timedelta(days=1)).targets] == ["9902"]
    async with filled.transaction() as session:
        weekend = weekdays("08:00", "18:00", "Asia/Shanghai", (6, 7))
        await lines.define_schedule(session, "上班时间", weekend, now=clock.now())
        await lines.set_targets(session, await lines.get(session, "12366", "0398"), targets[:1], now=clock.now())
        await lines.set_hours(session, await lines.get(session, "12333", "0398"), "上班时间", now=clock.now())
    snapshot = await snapshot_of(filled, settings)
    assert snapshot.plan("12366", friday_noon).targets == ()
    assert not snapshot.plan("12333", friday_noon).open_now
    assert snapshot.plan("12333", friday_noon + timedelta(days=1)).groups_first == ("expert-12333",)


@pytest.mark.parametrize(
    "target",
    [
        NewTarget("branch 12366", "9901"),
        NewTarget("branch-12366", "9901&PJSIP/1"),
        NewTarget("branch-12366", "${EXTEN}"),
        NewTarget("branch-12366", ""),
        NewTarget("Branch", "9901"),
        NewTarget("branch-12366", "٩٩"),
        NewTarget("branch-12366", "9901", 2),
        NewTarget("branch-12366", "9901", 121),
        NewTarget("branch-12366", "9901", 20, "no such schedule"),
    ],
)
async def test_a_target_is_an_endpoint_and_digits(filled: Database, clock: ManualClock, target: NewTarget) -> None:
    async with filled.transaction() as session:
        line = await lines.get(session, "12366", "0398")
        with pytest.raises(InvalidInput):
            await lines.set_targets(session, line, [target], now=clock.now())


async def test_an_access_number_stands_for_its_line(filled: Database, settings: Settings, clock: ManualClock) -> None:
    async with filled.transaction() as session:
        line = await lines.get(session, "12333", "0398")
        await lines.map_access_number(session, "2800001", line, "0398", now=clock.now(), note="原固定电话")
        with pytest.raises(Conflict):
            await lines.map_access_number(session, "12348", line, "0398", now=clock.now())
    plan = (await snapshot_of(filled, settings)).plan("0398-2800001", clock.now())
    assert (plan.number, plan.known_by) == ("12333", KnownBy.ACCESS_NUMBER)
    async with filled.transaction() as session:
        line = await lines.get(session, "12348", "0398")
        await lines.map_access_number(session, "03982800001", line, "0398", now=clock.now())
        assert await session.scalar(select(func.count()).select_from(AccessNumber)) == 1
    assert (await snapshot_of(filled, settings)).plan("0398-2800001", clock.now()).number == "12348"


async def test_units_nest_down_to_the_county(database: Database, settings: Settings, clock: ManualClock) -> None:
    async with database.transaction() as session:
        city = await lines.ensure_unit(session, "三门峡市人民政府", UnitLevel.CITY, None, now=clock.now())
        county = await lines.ensure_unit(session, "渑池县人民政府", UnitLevel.COUNTY, city, now=clock.now())
        bureau = await lines.ensure_unit(session, "县人社局", UnitLevel.COUNTY, county, now=clock.now())
        again = await lines.ensure_unit(session, "县人社局", UnitLevel.COUNTY, county, now=clock.now())
        assert again.id == bureau.id
        with pytest.raises(InvalidInput):
            await lines.ensure_unit(session, "县人社局", UnitLevel.COUNTY, None, now=clock.now())
    units = {unit.name: unit for unit in (await snapshot_of(database, settings)).units}
    assert units["县人社局"].parent_id == units["渑池县人民政府"].id
    assert units["渑池县人民政府"].parent_id == units["三门峡市人民政府"].id


async def test_two_units_of_one_name_at_the_top_cannot_be(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            session.add_all([Unit(name="市人社局", level=UnitLevel.CITY) for _ in range(2)])


async def test_the_number_on_duty_that_day(database: Database) -> None:
    async with database.transaction() as session:
        unit = Unit(name="市人社局", level=UnitLevel.CITY)
        session.add(unit)
        await session.flush()
        session.add_all(
            [
                Contact(unit_id=unit.id, name="乙", number="+863982800002", position=2),
                Contact(unit_id=unit.id, name="甲", number="+863982800001", position=1),
                DutyNumber(unit_id=unit.id, from_day=date(2026, 10, 1), to_day=date(2026, 10, 7), number="+1"),
                DutyNumber(unit_id=unit.id, from_day=date(2026, 10, 3), to_day=date(2026, 10, 3), number="+2"),
            ]
        )
        await session.flush()
        assert [c.name for c in await repository.contacts(session, unit.id)] == ["甲", "乙"]
        assert [d.number for d in await repository.duty_numbers(session, unit.id, date(2026, 10, 3))] == ["+2", "+1"]
        assert [d.number for d in await repository.duty_numbers(session, unit.id, date(2026, 10, 7))] == ["+1"]
        assert not await repository.duty_numbers(session, unit.id, date(2026, 10, 8))


async def test_an_unknown_line_is_named(filled: Database) -> None:
    async with filled.transaction() as session:
        with pytest.raises(UnknownLine):
            await lines.get(session, "12399", "0398")


async def test_the_database_itself_refuses_two_modes_at_one_moment(filled: Database, clock: ManualClock) -> None:
    async with filled.transaction() as session:
        line = await lines.get(session, "12333", "0398")
    twice = [
        HotlineMode(
            hotline_id=line.id,
            mode=mode,
            platform=Platform.OURS,
            expert_seats=False,
            effective_from=clock.now(),
            recorded_at=clock.now(),
            recorded_by="test",
        )
        for mode in (Mode.MERGED, Mode.RETAINED)
    ]
    with pytest.raises(IntegrityError):
        async with filled.transaction() as session:
            session.add_all(twice)
