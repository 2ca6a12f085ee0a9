"""Whom a call can be transferred to: keys, numbers in order, hours, who is on duty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from directory import contacts, lines, partners, special_days, users
from directory.contacts import ContactEntry, DutyEntry, NotDialled, UnknownContact
from directory.hours import SpecialDay, weekdays
from directory.importer import SANMENXIA, import_hotlines
from directory.lines import NewTarget
from directory.loader import load_snapshot
from directory.models import PartnerKind, Role, UnitLevel
from directory.modes import Fallback, Mode, PathKind, Platform
from directory.numbers import dial_digits
from directory.partners import InvalidWebhook, PartnerEntry, UnknownPartner
from directory.passwords import Passwords
from directory.snapshot import (
    DialTarget,
    DirectorySnapshot,
    KnownBy,
    Line,
    ModeInForce,
    OnDuty,
    PartnerPlatform,
    Target,
    Unit,
    UnitContact,
)
from directory.snapshot_json import from_json, to_json
from directory.targets import Destination, Seat, TargetKind, UnknownTarget, emergency, target, targets
from directory.users import Agent, NewUser
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import Conflict, InvalidInput, NotFound
from hotline.settings import Settings

OFFICE = weekdays("08:00", "18:00", "Asia/Shanghai")
FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
FRIDAY_NIGHT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
"""Half past midnight in Sanmenxia."""

TAX, TAX_BACKUP = DialTarget("branch-12366", "99012366", 15), DialTarget("branch-12366", "99012367", 10)
POLICE, POLICE_LANDLINE = DialTarget("emergency-110", "990110", 15), DialTarget("carrier", "03982110110", 20)
PROVINCE = DialTarget("province", "99012345", 20)
OFFICE_PHONE, DUTY_PHONE, NEW_YEAR_PHONE = (DialTarget("carrier", f"0398280000{n}", 25) for n in (1, 2, 3))


def line(
    number: str, mode: Mode, platform: Platform, *found: Target, experts: bool = False, hours: bool = False
) -> Line:
    modes = (ModeInForce(mode, platform, experts, datetime(2020, 1, 1, tzinfo=UTC)),)
    return Line(number, f"{number}号", f"{number}热线", True, 1, modes, found, OFFICE if hours else None)


SNAPSHOT = DirectorySnapshot(
    version=1,
    area_code="0398",
    general_after_ms=15_000,
    lines=(
        line("12345", Mode.MAIN, Platform.OURS),
        line("12300", Mode.MERGED, Platform.OURS),
        line("12333", Mode.DUAL, Platform.OURS, experts=True, hours=True),
        line("12366", Mode.BRANCH, Platform.OWN, Target(TAX, OFFICE), Target(TAX_BACKUP)),
        line("12367", Mode.BRANCH, Platform.OWN, Target(TAX), hours=True),
        line("12328", Mode.DUAL, Platform.OWN, Target(DialTarget("own-12328", "99012328", 15))),
        line("96119", Mode.UTILITY, Platform.OWN, Target(DialTarget("carrier", "96119", 30))),
        line("12315", Mode.EXCLUDED, Platform.OWN),
        line("110", Mode.EMERGENCY, Platform.OWN, Target(POLICE, OFFICE), Target(POLICE_LANDLINE), hours=True),
    ),
    units=(Unit(1, "市税务局", "city"), Unit(2, "湖滨区人民政府", "county")),
    contacts=(
        UnitContact(7, 2, "李四", "值班员", OFFICE_PHONE, OFFICE),
        UnitContact(8, 1, "王五", "", OFFICE_PHONE),
    ),
    duties=(
        OnDuty(2, date(2027, 1, 1), date(2027, 1, 1), NEW_YEAR_PHONE),
        OnDuty(2, date(2026, 12, 30), date(2027, 1, 3), DUTY_PHONE),
    ),
    partners=(
        PartnerPlatform(
            "branch-12366", "12366分中心", PartnerKind.BRANCH, line="12366", trunk="branch", takes_data=True
        ),
        PartnerPlatform("branch-12367", "12367分中心", PartnerKind.BRANCH, line="12367"),
        PartnerPlatform("police", "110指挥中心", PartnerKind.POLICE, line="110", takes_data=True),
        PartnerPlatform(
            "province", "省级平台", PartnerKind.PROVINCE, trunk="province", takes_data=True, numbers=(PROVINCE,)
        ),
        PartnerPlatform("luoyang", "洛阳12345", PartnerKind.OTHER, numbers=(PROVINCE,), hours=OFFICE),
        PartnerPlatform("mute", "只收数据", PartnerKind.OTHER, takes_data=True),
    ),
)
SEATS = (
    Seat("1002", "二号", frozenset({Role.AGENT})),
    Seat("2001", "专家", frozenset({Role.EXPERT, Role.AGENT})),
    Seat("3001", "班长", frozenset({Role.SUPERVISOR, Role.AGENT})),
)


def test_every_kind_of_target_is_there_emergency_desks_first() -> None:
    found = targets(SNAPSHOT, FRIDAY_NOON, seats=SEATS, queues={"general": "综合", "night": "夜间"})
    assert [(one.key, one.kind) for one in found] == [
        ("line:110", TargetKind.EMERGENCY),
        ("line:12366", TargetKind.BRANCH),
        ("line:12367", TargetKind.BRANCH),
        ("line:12328", TargetKind.DUAL),
        ("line:96119", TargetKind.UTILITY),
        ("partner:province", TargetKind.PROVINCE),
        ("partner:luoyang", TargetKind.PARTNER),
        ("queue:general", TargetKind.QUEUE),
        ("queue:expert-12333", TargetKind.QUEUE),
        ("queue:night", TargetKind.QUEUE),
        ("contact:7", TargetKind.CONTACT),
        ("contact:8", TargetKind.CONTACT),
        ("agent:1002", TargetKind.AGENT),
        ("agent:2001", TargetKind.EXPERT),
        ("agent:3001", TargetKind.SUPERVISOR),
    ]
    assert all(one.kind.chinese for one in found)


@pytest.mark.parametrize("at", [FRIDAY_NOON, FRIDAY_NIGHT, NEW_YEAR])
def test_each_is_found_again_by_its_key(at: datetime) -> None:
    for one in targets(SNAPSHOT, at, seats=SEATS, queues={"night": "夜间"}):
        assert target(SNAPSHOT, one.key, at, seats=SEATS, queues={"night": "夜间"}) == one


def test_a_branch_with_its_data_and_its_numbers_in_order() -> None:
    assert target(SNAPSHOT, "line:12366", FRIDAY_NOON) == Destination(
        key="line:12366",
        kind=TargetKind.BRANCH,
        name="12366 12366热线",
        numbers=(TAX, TAX_BACKUP),
        partner="branch-12366",
        unit="市税务局",
    )
    assert target(SNAPSHOT, "line:12366", FRIDAY_NOON).ring_seconds == 25


def test_out_of_hours_only_who_answers_is_tried() -> None:
    assert target(SNAPSHOT, "line:12366", FRIDAY_NIGHT).numbers == (TAX_BACKUP,)
    closed = target(SNAPSHOT, "line:12367", FRIDAY_NIGHT)
    assert (closed.numbers, closed.open_now) == ((), False)
    assert target(SNAPSHOT, "partner:luoyang", FRIDAY_NIGHT).open_now is False
    assert target(SNAPSHOT, "queue:expert-12333", FRIDAY_NIGHT).open_now is False
    assert target(SNAPSHOT, "queue:expert-12333", FRIDAY_NOON).queue == "expert-12333"


def test_an_emergency_desk_never_closes_and_falls_back_in_the_directorys_order() -> None:
    desk = emergency(SNAPSHOT, "110", FRIDAY_NIGHT)
    assert (desk.numbers, desk.open_now, desk.partner) == ((POLICE, POLICE_LANDLINE), True, "police")
    with pytest.raises(UnknownTarget):
        emergency(SNAPSHOT, "12366", FRIDAY_NOON)


def test_who_takes_no_data_is_sent_none() -> None:
    assert target(SNAPSHOT, "line:12367", FRIDAY_NOON).partner == ""
    assert target(SNAPSHOT, "line:12328", FRIDAY_NOON).partner == ""


def test_a_contact_by_hours_and_on_duty_days() -> None:
    assert target(SNAPSHOT, "contact:7", FRIDAY_NOON).numbers == (OFFICE_PHONE,)
    assert target(SNAPSHOT, "contact:7", FRIDAY_NOON).name == "湖滨区人民政府 值班员 李四"
    night = target(SNAPSHOT, "contact:7", FRIDAY_NIGHT)
    assert (night.numbers, night.open_now) == ((), False)
    # The first of January begins at 16:00 UTC of the day before; the most particular duty comes first.
    assert target(SNAPSHOT, "contact:7", NEW_YEAR).numbers == (NEW_YEAR_PHONE, DUTY_PHONE)
    assert target(SNAPSHOT, "contact:7", NEW_YEAR - timedelta(hours=1)).numbers == (DUTY_PHONE,)
    # Of another unit nobody is on duty, but the contact always answers.
    assert target(SNAPSHOT, "contact:8", NEW_YEAR).numbers == (OFFICE_PHONE,)


def test_a_number_that_is_on_duty_and_the_contacts_own_is_tried_once() -> None:
    same = replace(SNAPSHOT, duties=(OnDuty(1, date(2026, 11, 20), date(2026, 11, 20), OFFICE_PHONE),))
    assert target(same, "contact:8", FRIDAY_NOON).numbers == (OFFICE_PHONE,)


def test_one_person_of_ours() -> None:
    assert target(SNAPSHOT, "agent:1002", FRIDAY_NOON).agent == "1002"
    known = target(SNAPSHOT, "agent:2001", FRIDAY_NOON, seats=SEATS)
    assert (known.kind, known.name) == (TargetKind.EXPERT, "2001 专家")
    with pytest.raises(UnknownTarget):
        target(SNAPSHOT, "agent:1009", FRIDAY_NOON, seats=SEATS)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "line",
        "line:",
        "line:12333",
        "line:12315",
        "line:99999",
        "partner:branch-12366",
        "partner:mute",
        "partner:nobody",
        "queue:night",
        "contact:9",
        "contact:-7",
        "contact:七",
        "contact:²",
        "agent:",
        "agent:A B",
        "agent:1\n2",
        "sip:110@nowhere",
    ],
)
def test_whom_nobody_knows(key: str) -> None:
    with pytest.raises(UnknownTarget):
        target(SNAPSHOT, key, FRIDAY_NOON)


def test_a_line_that_is_moved_here_is_no_target_any_more() -> None:
    moved = ModeInForce(Mode.MERGED, Platform.OURS, False, FRIDAY_NOON)
    tax = next(one for one in SNAPSHOT.lines if one.number == "12366")
    later = replace(SNAPSHOT, lines=(replace(tax, modes=(*tax.modes, moved)),))
    assert target(later, "line:12366", FRIDAY_NOON - timedelta(seconds=1)).numbers
    with pytest.raises(UnknownTarget):
        target(later, "line:12366", FRIDAY_NOON)


def test_what_a_branch_sends_us_does_not_go_back_to_it() -> None:
    theirs = SNAPSHOT.plan_for("12366", (), FRIDAY_NOON, trunk="branch")
    assert (theirs.path, theirs.fallback, theirs.targets) == (PathKind.DIRECT, Fallback.AGENT, ())
    assert (theirs.number, theirs.known_by) == ("12366", KnownBy.TRUNK)
    for other in ("", "carrier", "province"):
        assert SNAPSHOT.plan_for("12366", (), FRIDAY_NOON, trunk=other).path is PathKind.TRANSFER
    assert SNAPSHOT.plan_for("12345", (), FRIDAY_NOON, trunk="branch").number == "12345"
    assert SNAPSHOT.plan_for("12367", (), FRIDAY_NOON, trunk="branch").path is PathKind.TRANSFER
    # It forwards to us under the access number that stands for its line.
    landed = replace(SNAPSHOT, access_numbers=(("+863982800366", "12366"),))
    assert landed.plan_for("03982800366", (), FRIDAY_NOON, trunk="branch").path is PathKind.DIRECT


def test_the_copy_on_disk_answers_the_same() -> None:
    copy = from_json(to_json(SNAPSHOT))
    assert copy == SNAPSHOT
    assert targets(copy, NEW_YEAR) == targets(SNAPSHOT, NEW_YEAR)


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("+863982800001", "03982800001"),
        ("+8613812345678", "13812345678"),
        ("12333", "12333"),
        ("110", None),
        ("120", None),
        ("+864001234567", None),
        ("+12025550100", None),
    ],
)
def test_what_is_dialled_for_an_office(number: str, digits: str | None) -> None:
    assert dial_digits(number) == digits


# with tables


async def snapshot(database: Database, settings: Settings) -> DirectorySnapshot:
    async with database.transaction() as session:
        return await load_snapshot(session, settings)


async def unit(database: Database, clock: ManualClock) -> int:
    async with database.transaction() as session:
        return (await lines.ensure_unit(session, "市税务局", UnitLevel.CITY, None, now=clock.now())).id


async def test_contacts_and_duties_come_into_the_snapshot(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    of = await unit(database, clock)
    async with database.transaction() as session:
        await lines.define_schedule(session, "office", OFFICE, now=clock.now())
        entry = ContactEntry(of, " 王五 ", "0398-2800001", "联络员", schedule="office")
        contact = await contacts.save(session, None, entry, "0398", now=clock.now())
        duty = DutyEntry(of, date(2027, 1, 1), date(2027, 1, 3), "138 1234 5678", "元旦")
        await contacts.save_duty(session, None, duty, "0398", now=clock.now())
    known = await snapshot(database, settings)
    assert target(known, f"contact:{contact}", FRIDAY_NOON).numbers == (OFFICE_PHONE,)
    assert target(known, f"contact:{contact}", FRIDAY_NIGHT).numbers == ()
    holiday = target(known, f"contact:{contact}", NEW_YEAR)
    assert holiday.numbers == (DialTarget("carrier", "13812345678", 25),)
    assert known.version > 0


async def test_a_holiday_closes_a_contact_who_follows_it(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    of = await unit(database, clock)
    async with database.transaction() as session:
        await lines.define_schedule(session, "office", OFFICE, now=clock.now())
        entry = ContactEntry(of, "王五", "03982800001", schedule="office")
        contact = await contacts.save(session, None, entry, "0398", now=clock.now())
        day = SpecialDay(FRIDAY_NOON.date())
        await special_days.set_special_day(session, "office", day, now=clock.now())
    assert target(await snapshot(database, settings), f"contact:{contact}", FRIDAY_NOON).open_now is False


async def test_changes_to_a_contact_count_the_directory_up(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    of = await unit(database, clock)
    entry = ContactEntry(of, "王五", "03982800001")
    async with database.transaction() as session:
        contact = await contacts.save(session, None, entry, "0398", now=clock.now())
    first = await snapshot(database, settings)
    async with database.transaction() as session:
        await contacts.save(session, contact, replace(entry, number="03982800002"), "0398", now=clock.now())
        assert (await contacts.one(session, contact)).number == "+863982800002"
    second = await snapshot(database, settings)
    assert second.version > first.version
    assert target(second, f"contact:{contact}", FRIDAY_NOON).numbers == (DUTY_PHONE,)
    async with database.transaction() as session:
        await contacts.remove(session, contact, now=clock.now())
    assert (await snapshot(database, settings)).contacts == ()
    async with database.transaction() as session:
        with pytest.raises(UnknownContact):
            await contacts.one(session, contact)


@pytest.mark.parametrize("number", ["110", "+1 202 555 0100", "400 123 4567"])
async def test_nobodys_contact_is_an_emergency_desk_or_abroad(
    database: Database, clock: ManualClock, number: str
) -> None:
    of = await unit(database, clock)
    async with database.transaction() as session:
        with pytest.raises(NotDialled):
            await contacts.save(session, None, ContactEntry(of, "王五", number), "0398", now=clock.now())
        duty = DutyEntry(of, date(2027, 1, 1), date(2027, 1, 1), number)
        with pytest.raises(NotDialled):
            await contacts.save_duty(session, None, duty, "0398", now=clock.now())


async def test_entries_that_cannot_be_meant(database: Database, clock: ManualClock) -> None:
    of = await unit(database, clock)
    now = clock.now()
    async with database.transaction() as session:
        for wrong in (ContactEntry(of, "", "03982800001"), ContactEntry(of, "王\n五", "03982800001")):
            with pytest.raises(InvalidInput):
                await contacts.save(session, None, wrong, "0398", now=now)
        with pytest.raises(NotFound):
            await contacts.save(session, None, ContactEntry(of + 1, "王五", "03982800001"), "0398", now=now)
        closed = ContactEntry(of, "王五", "03982800001", schedule="nowhere")
        with pytest.raises(NotFound):
            await contacts.save(session, None, closed, "0398", now=now)
        for first, last in ((date(2027, 1, 2), date(2027, 1, 1)), (date(2027, 1, 1), date(2028, 6, 1))):
            with pytest.raises(InvalidInput):
                await contacts.save_duty(session, None, DutyEntry(of, first, last, "03982800001"), "0398", now=now)


async def imported(database: Database, settings: Settings, clock: ManualClock) -> None:
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=clock.now())


async def test_platforms_come_into_the_snapshot(database: Database, settings: Settings, clock: ManualClock) -> None:
    await imported(database, settings, clock)
    branch = PartnerEntry("12366分中心", PartnerKind.BRANCH, line="12366", trunk="branch-12366", webhook="https://a/b")
    province = PartnerEntry("省级平台", PartnerKind.PROVINCE, numbers=(NewTarget("province", "99012345", 20),))
    async with database.transaction() as session:
        await partners.save(session, "branch-12366", branch, now=clock.now())
        await partners.save(session, "province", province, now=clock.now())
        assert await partners.listed(session) == {"branch-12366": branch, "province": province}
        tax = await lines.get(session, "12366", "0398")
        await lines.set_targets(session, tax, [NewTarget("branch-12366", "99012366", 15)], now=clock.now())
        assert await lines.targets_of(session, tax) == [NewTarget("branch-12366", "99012366", 15)]
    known = await snapshot(database, settings)
    assert target(known, "line:12366", clock.now()).partner == "branch-12366"
    assert target(known, "partner:province", clock.now()).numbers == (PROVINCE,)
    assert known.partner_of_trunk("branch-12366") == known.partner("branch-12366")
    assert known.partner_of_trunk("") is None
    async with database.transaction() as session:
        await partners.save(session, "branch-12366", replace(branch, enabled=False), now=clock.now())
        await partners.remove(session, "province", now=clock.now())
    known = await snapshot(database, settings)
    assert known.partners == ()
    assert target(known, "line:12366", clock.now()).partner == ""
    async with database.transaction() as session:
        with pytest.raises(UnknownPartner):
            await partners.remove(session, "province", now=clock.now())


@pytest.mark.parametrize(
    "webhook",
    [
        "ftp://a/b",
        "http://",
        "//a/b",
        "file:///etc/passwd",
        "http://user:word@a/b",
        "http://a/b#c",
        "http://a b",
        "http://a:99999/",
        "http://税务/",
        "http://a/\n",
        "http://a/" + "x" * 500,
    ],
)
async def test_an_address_data_cannot_be_sent_to(database: Database, clock: ManualClock, webhook: str) -> None:
    entry = PartnerEntry("某平台", PartnerKind.OTHER, webhook=webhook)
    async with database.transaction() as session:
        with pytest.raises(InvalidWebhook):
            await partners.save(session, "some", entry, now=clock.now())


async def test_two_platforms_have_neither_line_nor_trunk_in_common(
    database: Database, settings: Settings, clock: ManualClock
) -> None:
    await imported(database, settings, clock)
    first = PartnerEntry("甲", PartnerKind.BRANCH, line="12366", trunk="branch")
    async with database.transaction() as session:
        await partners.save(session, "a", first, now=clock.now())
        for other in (replace(first, trunk=""), replace(first, line=None)):
            with pytest.raises(Conflict):
                await partners.save(session, "b", other, now=clock.now())
        with pytest.raises(NotFound):
            await partners.save(session, "b", replace(first, line="99999"), now=clock.now())
        for code in ("", "A", "1a", "a" * 25, "a\n"):
            with pytest.raises(InvalidInput):
                await partners.save(session, code, replace(first, trunk="", line=None), now=clock.now())
        both = replace(first, numbers=(NewTarget("province", "1", 20),))
        with pytest.raises(InvalidInput):
            await partners.save(session, "a", both, now=clock.now())


async def test_people_who_can_be_called(database: Database, clock: ManualClock, passwords: Passwords) -> None:
    async with database.transaction() as session:
        for login, roles, agent in (
            ("zhang", {Role.AGENT, Role.SUPERVISOR}, Agent("3001", {"general": 1})),
            ("li", {Role.EXPERT}, Agent("2001", {"expert-12333": 1})),
            ("wang", {Role.DISPATCHER}, None),
            ("gone", {Role.AGENT}, Agent("1009", {"general": 1})),
        ):
            new = NewUser(login, login, frozenset(roles), agent=agent)
            await users.add_user(session, new, "a-good-password-1", passwords, now=clock.now())
        await users.disable(session, await users.get(session, "gone"), now=clock.now())
        assert await users.seats(session) == [
            Seat("2001", "li", frozenset({Role.EXPERT})),
            Seat("3001", "zhang", frozenset({Role.AGENT, Role.SUPERVISOR})),
        ]
