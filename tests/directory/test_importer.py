"""Sanmenxia's list in a real database: every number's path, unit and groups; again without change; refusals."""

from __future__ import annotations

import asyncio
import csv
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory import lines, repository
from directory.importer import SANMENXIA, ImportRefused, ImportReport, import_hotlines
from directory.lines import NewTarget
from directory.loader import load_snapshot
from directory.modes import Fallback, Mode, PathKind, Platform
from directory.snapshot import DialTarget, DirectorySnapshot, UnknownLine
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings

ROWS = list(csv.DictReader(SANMENXIA.read_text(encoding="utf-8").splitlines()))
TARGETS = {
    "12366": "branch-12366",
    "12367": "branch-12367",
    "12328": "own-12328",
    "110": "emergency-110",
    "119": "emergency-119",
    "120": "emergency-120",
    "122": "emergency-122",
}
EXPERTS = {"12320", "12329", "12333", "12348"}


async def bring(
    database: Database, settings: Settings, clock: ManualClock, content: bytes | None = None, **options: object
) -> ImportReport:
    async with database.transaction() as session:
        return await import_hotlines(
            session, content or SANMENXIA.read_bytes(), settings.site, now=clock.now(), **options
        )


async def snapshot_of(database: Database, settings: Settings) -> DirectorySnapshot:
    async with database.transaction() as session:
        return await load_snapshot(session, settings)


def changed_row(number: str, old: str, new: str) -> bytes:
    text = SANMENXIA.read_text(encoding="utf-8")
    row = next(row for row in text.splitlines() if row.startswith(f"{number},"))
    assert old in row
    return text.replace(row, row.replace(old, new)).encode()


def expected_path(row: dict[str, str]) -> tuple[PathKind, Fallback, tuple[str, ...], int]:
    """Requirements section 1, written a second time and the other way round."""
    number = row["number"]
    if number in {"110", "119", "120", "122"}:
        return PathKind.TRANSFER, Fallback.REDIAL, ("general",), 0
    if number in {"12366", "12367", "12328"}:
        return PathKind.TRANSFER, Fallback.AGENT, ("general",), 0
    if number in {"12316", "12317", "12360", "12305", "12313"}:
        return PathKind.ANNOUNCE, Fallback.AGENT, ("general",), 0
    if number in EXPERTS:
        return PathKind.EXPERTS, Fallback.AGENT, (f"expert-{number}",), 15_000
    return PathKind.DIRECT, Fallback.AGENT, ("general",), 0


async def test_every_number_has_its_path_unit_and_groups(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    report = await bring(database, settings, clock)
    assert len(report.added) == len(ROWS) == 32
    async with database.transaction() as session:
        for number, endpoint in TARGETS.items():
            line = await lines.get(session, number, "0398")
            await lines.set_targets(session, line, [NewTarget(endpoint, f"990{number}", 15)], now=clock.now())
    snapshot = await snapshot_of(database, settings)
    for row in ROWS:
        number = row["number"]
        plan = snapshot.plan(f"0398-{number}", clock.now())
        assert (plan.path, plan.fallback, plan.groups_first, plan.general_after_ms) == expected_path(row), number
        assert (plan.number, plan.name_spoken, plan.unit) == (number, row["name_spoken"], row["unit"])
        assert (plan.mode.value, plan.platform.value) == (row["mode"], row["platform"])
        targets = (DialTarget(TARGETS[number], f"990{number}", 15),) if number in TARGETS else ()
        assert plan.targets == targets
        assert plan.greeting == f"greeting.{number}"
    main = snapshot.plan("12345", clock.now())
    assert (main.path, main.groups_first, main.unit) == (PathKind.DIRECT, ("general",), "")


async def test_a_second_run_changes_nothing(database: Database, settings: Settings, clock: ManualClock) -> None:
    await bring(database, settings, clock)
    before = await snapshot_of(database, settings)
    clock.advance(3600)
    report = await bring(database, settings, clock)
    assert (report.added, report.changed, len(report.unchanged)) == ((), (), 32)
    assert await snapshot_of(database, settings) == before


async def test_two_imports_at_once_take_turns(database: Database, settings: Settings, clock: ManualClock) -> None:
    reports = await asyncio.gather(*(bring(database, settings, clock) for _ in range(4)))
    assert sorted(len(report.added) for report in reports) == [0, 0, 0, 32]
    assert len((await snapshot_of(database, settings)).lines) == 33


async def test_without_turns_they_collide(
    database: Database, settings: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_turn(_session: AsyncSession, _now: datetime) -> None:
        pass

    monkeypatch.setattr(repository, "begin_change", no_turn)
    reports = await asyncio.gather(*(bring(database, settings, clock) for _ in range(4)), return_exceptions=True)
    assert any(isinstance(report, IntegrityError) for report in reports)


async def test_warnings_until_an_operator_has_seen_to_it(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    report = await bring(database, settings, clock)
    unconfirmed = [w.number for w in report.warnings if "not confirmed" in w.text]
    assert unconfirmed == [row["number"] for row in ROWS]
    assert {w.number for w in report.warnings if "no transfer target" in w.text} == set(TARGETS)
    async with database.transaction() as session:
        line = await lines.get(session, "12366", "0398")
        await lines.confirm_name(session, line, "税务服务热线", now=clock.now())
        await lines.set_targets(session, line, [NewTarget("branch-12366", "9901")], now=clock.now())
        assert await repository.unconfirmed(session) == 31
    report = await bring(database, settings, clock)
    assert [w.text for w in report.warnings if w.number == "12366"] == [
        "the confirmed spoken name '税务服务热线' is kept"
    ]
    assert report.warnings[0].line == 2
    assert (await snapshot_of(database, settings)).plan("12366", clock.now()).name_spoken == "税务服务热线"


async def test_a_bad_row_refuses_the_whole_file(database: Database, settings: Settings, clock: ManualClock) -> None:
    content = changed_row("12333", "dual,true,ours", "dual,maybe,ours")
    with pytest.raises(ImportRefused) as refusal:
        await bring(database, settings, clock, content)
    assert [str(bad) for bad in refusal.value.bad] == ["line 16: expert_seats: neither true nor false"]
    assert (await snapshot_of(database, settings)).lines == ()


async def test_good_rows_only_on_demand(database: Database, settings: Settings, clock: ManualClock) -> None:
    content = changed_row("12333", "dual,true,ours", "dual,maybe,ours")
    report = await bring(database, settings, clock, content, good_rows_only=True)
    assert len(report.added) == 31
    assert [bad.line for bad in report.bad] == [16]
    with pytest.raises(UnknownLine):
        (await snapshot_of(database, settings)).plan("12333", clock.now())


async def test_a_changed_mode_takes_effect_at_its_date_and_history_keeps_both(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    began = clock.now()
    await bring(database, settings, clock)
    clock.advance(60)
    later = clock.now() + timedelta(days=30)
    content = changed_row("12366", "branch,false,own", "dual,true,ours")
    for _ in range(2):
        report = await bring(database, settings, clock, content, effective_from=later)
    assert report.changed == ()
    snapshot = await snapshot_of(database, settings)
    assert snapshot.plan("12366", later - timedelta(microseconds=1)).mode is Mode.BRANCH
    assert snapshot.plan("12366", later).groups_first == ("expert-12366",)
    line = snapshot.line("12366")
    assert line is not None
    assert [(m.mode, m.effective_from) for m in line.modes] == [(Mode.BRANCH, began), (Mode.DUAL, later)]


async def test_the_past_is_not_rewritten(database: Database, settings: Settings, clock: ManualClock) -> None:
    await bring(database, settings, clock)
    clock.advance(60)
    content = changed_row("12366", "branch,false,own", "dual,true,ours")
    with pytest.raises(InvalidInput, match="past"):
        await bring(database, settings, clock, content, effective_from=clock.now() - timedelta(seconds=1))
    assert (await snapshot_of(database, settings)).plan("12366", clock.now()).platform is Platform.OWN


async def test_a_changed_name_and_unit(database: Database, settings: Settings, clock: ManualClock) -> None:
    await bring(database, settings, clock)
    content = changed_row("12301", "旅游服务热线,市文化广电旅游局", "旅游投诉热线,市旅游局")
    assert (await bring(database, settings, clock, content)).changed == ("12301",)
    plan = (await snapshot_of(database, settings)).plan("12301", clock.now())
    assert (plan.name_spoken, plan.unit) == ("旅游投诉热线", "市旅游局")
