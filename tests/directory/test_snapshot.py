"""What the snapshot says happens to a call: by effective date, hours, and the line really dialled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.hours import Span, SpecialDay, WeeklyHours, weekdays
from directory.modes import Fallback, Mode, PathKind, Platform
from directory.snapshot import (
    DialTarget,
    DirectorySnapshot,
    KnownBy,
    Line,
    ModeInForce,
    Target,
    Unit,
    UnknownLine,
)
from directory.snapshot_json import DamagedSnapshot, from_json, to_json

FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
FRIDAY_NIGHT = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
LONG_AGO = datetime(2021, 12, 14, tzinfo=UTC)
OFFICE = weekdays("08:00", "18:00", "Asia/Shanghai")


def mode(
    kind: Mode, platform: Platform = Platform.OURS, *, experts: bool = False, since: datetime = LONG_AGO
) -> ModeInForce:
    return ModeInForce(kind, platform, experts, since)


def line(number: str, *modes: ModeInForce, **fields: object) -> Line:
    return replace(Line(number, number, f"{number}热线", True, 1, modes), **fields)


TAX = DialTarget("branch-12366", "99012366", 15)
TAX_BACKUP = DialTarget("branch-12366", "99012367", 10)
POLICE = DialTarget("emergency-110", "990110", 15)

SNAPSHOT = DirectorySnapshot(
    version=7,
    area_code="0398",
    general_after_ms=15_000,
    lines=(
        line("12345", mode(Mode.MAIN), unit_id=None),
        line("12333", mode(Mode.DUAL, experts=True)),
        line("12348", mode(Mode.DUAL, experts=True), hours=OFFICE, general_after_ms=5_000),
        line("12366", mode(Mode.BRANCH, Platform.OWN), targets=(Target(TAX, OFFICE), Target(TAX_BACKUP))),
        line("12367", mode(Mode.BRANCH, Platform.OWN), targets=(Target(TAX),), hours=OFFICE),
        line("12328", mode(Mode.DUAL, Platform.OWN)),
        line("110", mode(Mode.EMERGENCY, Platform.OWN), targets=(Target(POLICE, OFFICE),), hours=OFFICE, unit_id=None),
        line("12300", mode(Mode.DUAL), mode(Mode.MERGED, since=FRIDAY_NOON)),
    ),
    units=(Unit(1, "市某局", "city"),),
    access_numbers=(("+863982800001", "12333"), ("+863982800366", "12366"), ("+863982800110", "110")),
)


def test_experts_first_then_general_agents() -> None:
    plan = SNAPSHOT.plan("12333", FRIDAY_NOON)
    assert (plan.path, plan.groups_first, plan.general_after_ms) == (PathKind.EXPERTS, ("expert-12333",), 15_000)
    assert (plan.unit, plan.greeting, plan.greet_first) == ("市某局", "greeting.12333", True)


def test_experts_gone_home_means_general_agents_at_once() -> None:
    assert SNAPSHOT.plan("12348", FRIDAY_NOON).general_after_ms == 5_000
    plan = SNAPSHOT.plan("12348", FRIDAY_NIGHT)
    assert (plan.path, plan.groups_first, plan.general_after_ms) == (PathKind.DIRECT, ("general",), 0)
    assert not plan.open_now


def test_targets_in_their_order_and_only_open_ones() -> None:
    assert SNAPSHOT.plan("12366", FRIDAY_NOON).targets == (TAX, TAX_BACKUP)
    assert SNAPSHOT.plan("12366", FRIDAY_NIGHT).targets == (TAX_BACKUP,)


def test_a_closed_branch_leaves_an_agent() -> None:
    assert SNAPSHOT.plan("12367", FRIDAY_NOON).open_now
    plan = SNAPSHOT.plan("12367", FRIDAY_NIGHT)
    assert (plan.targets, plan.open_now, plan.fallback, plan.groups_first) == ((), False, Fallback.AGENT, ("general",))


def test_a_platform_without_targets_leaves_an_agent() -> None:
    plan = SNAPSHOT.plan("12328", FRIDAY_NOON)
    assert (plan.path, plan.targets, plan.fallback) == (PathKind.TRANSFER, (), Fallback.AGENT)


@pytest.mark.parametrize("at", [FRIDAY_NOON, FRIDAY_NIGHT])
def test_an_emergency_desk_never_closes(at: datetime) -> None:
    plan = SNAPSHOT.plan("110", at)
    assert (plan.path, plan.targets, plan.fallback) == (PathKind.TRANSFER, (POLICE,), Fallback.REDIAL)
    assert plan.open_now
    assert not plan.greet_first


def test_a_mode_takes_effect_at_its_moment() -> None:
    before, after = FRIDAY_NOON - timedelta(microseconds=1), FRIDAY_NOON
    assert SNAPSHOT.plan("12300", before).mode is Mode.DUAL
    assert SNAPSHOT.plan("12300", after).mode is Mode.MERGED
    with pytest.raises(UnknownLine):
        SNAPSHOT.plan("12300", LONG_AGO - timedelta(microseconds=1))


@pytest.mark.parametrize("did", ["0398-12333", "+8639812333", "sip:12333@carrier.example"])
def test_a_dialled_number_in_any_form(did: str) -> None:
    assert SNAPSHOT.plan(did, FRIDAY_NOON).number == "12333"


@pytest.mark.parametrize("did", ["12399", "13812345678", "not a number", "", "037112345"])
def test_an_unknown_line(did: str) -> None:
    with pytest.raises(UnknownLine):
        SNAPSHOT.plan(did, FRIDAY_NOON)
    assert SNAPSHOT.main_plan(FRIDAY_NOON).number == "12345"


@pytest.mark.parametrize(
    ("dialled", "diverted", "number", "known_by"),
    [
        ("12345", [], "12345", KnownBy.DIALLED),
        ("12345", ["sip:12333@carrier"], "12333", KnownBy.HEADER),
        ("12345", ["sip:03982800001@carrier"], "12333", KnownBy.HEADER),  # the old landline forwards
        ("+863982800001", [], "12333", KnownBy.ACCESS_NUMBER),  # the carrier strips the headers
        ("+863982800001", ["sip:12348@carrier"], "12348", KnownBy.HEADER),
        ("12345", ["sip:13812345678@carrier", "sip:12333@carrier"], "12333", KnownBy.HEADER),
        ("12345", ["sip:13812345678@carrier"], "12345", KnownBy.DIALLED),  # a citizen's own forwarding
        ("12345", ["rubbish", "", "sip:12399@carrier"], "12345", KnownBy.DIALLED),
        ("12333", ["sip:12333@carrier"], "12333", KnownBy.DIALLED),
        ("12345", ["sip:12333@carrier", "sip:12348@carrier"], "12333", KnownBy.HEADER),  # first dialled
        ("110", ["sip:12333@carrier"], "110", KnownBy.DIALLED),
        ("+863982899999", ["sip:12333@carrier"], "12333", KnownBy.HEADER),
    ],
)
def test_the_line_really_dialled(dialled: str, diverted: list[str], number: str, known_by: KnownBy) -> None:
    plan = SNAPSHOT.plan_for(dialled, diverted, FRIDAY_NOON)
    assert (plan.number, plan.known_by) == (number, known_by)


@pytest.mark.parametrize(
    ("dialled", "diverted"),
    [
        ("12345", ["sip:12366@branch"]),
        ("+863982800366", []),
        ("12345", ["sip:110@police"]),
        ("+863982800110", []),
    ],
)
def test_a_forwarded_call_is_never_sent_back_where_it_came_from(dialled: str, diverted: list[str]) -> None:
    plan = SNAPSHOT.plan_for(dialled, diverted, FRIDAY_NOON)
    assert (plan.path, plan.targets, plan.fallback) == (PathKind.DIRECT, (), Fallback.AGENT)
    assert plan.groups_first == ("general",)
    assert plan.greet_first
    # The guard is what does it: the same line dialled directly goes out.
    assert SNAPSHOT.plan(plan.number, FRIDAY_NOON).targets


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_HOURS = st.none() | st.builds(
    WeeklyHours,
    st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York"]),
    st.lists(
        st.builds(Span, st.integers(1, 7), st.integers(0, 700), st.integers(701, 1440)), max_size=3, unique=True
    ).map(tuple),
    st.lists(
        st.builds(
            SpecialDay,
            st.dates(),
            st.lists(st.tuples(st.integers(0, 700), st.integers(701, 1440)), max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    st.none() | st.dates(),
)
_MODES = st.builds(
    ModeInForce,
    st.sampled_from(Mode),
    st.sampled_from(Platform),
    st.booleans(),
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
_TARGETS = st.builds(Target, st.builds(DialTarget, _TEXT, _TEXT, st.integers(3, 120)), _HOURS)
_LINES = st.builds(
    Line,
    _TEXT,
    _TEXT,
    _TEXT,
    st.booleans(),
    st.none() | st.integers(1, 2**40),
    st.lists(_MODES, max_size=3).map(tuple),
    st.lists(_TARGETS, max_size=3).map(tuple),
    _HOURS,
    st.none() | st.integers(0, 60_000),
)
_SNAPSHOTS = st.builds(
    DirectorySnapshot,
    st.integers(0, 2**53),
    _TEXT,
    st.integers(0, 60_000),
    st.lists(_LINES, max_size=4).map(tuple),
    st.lists(st.builds(Unit, st.integers(1, 2**40), _TEXT, _TEXT, st.none() | st.integers(1, 9)), max_size=3).map(
        tuple
    ),
    st.lists(st.tuples(_TEXT, _TEXT), max_size=3).map(tuple),
)


@given(_SNAPSHOTS)
def test_a_snapshot_survives_the_disk(snapshot: DirectorySnapshot) -> None:
    assert from_json(to_json(snapshot)) == snapshot


def test_the_copy_answers_as_the_original() -> None:
    copy = from_json(to_json(SNAPSHOT))
    for known in SNAPSHOT.lines:
        assert copy.plan(known.number, FRIDAY_NIGHT) == SNAPSHOT.plan(known.number, FRIDAY_NIGHT)


GOOD = to_json(SNAPSHOT)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        GOOD[: len(GOOD) // 2],
        GOOD.replace(b'"schema": 3', b'"schema": 2'),
        GOOD.replace(b'"branch"', b'"brunch"'),
        GOOD.replace(b'"opens"', b'"open"'),
        GOOD.replace(b'"opens": 480', b'"opens": 4800'),
        GOOD.replace(b'"lines"', b'"line"'),
        b"\xff" + GOOD,
    ],
)
def test_a_damaged_copy_is_named(document: bytes) -> None:
    with pytest.raises(DamagedSnapshot):
        from_json(document)
