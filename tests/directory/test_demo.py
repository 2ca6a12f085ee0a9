"""The demonstration's directory: people, experts, and targets that lead nowhere real."""

from __future__ import annotations

import re

from directory import lines, teams, users
from directory.demo import TRUNKS, seed_demo
from directory.lines import NewTarget
from directory.loader import load_snapshot
from directory.models import Role
from directory.modes import Mode, PathKind
from directory.passwords import Passwords
from directory.sessions import SessionPolicy, Sessions
from directory.users import Agent
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.settings import Settings


async def test_the_seed_can_be_sown_twice(
    database: Database, settings: Settings, passwords: Passwords, clock: ManualClock
) -> None:
    report = await seed_demo(database, settings, passwords, clock, password="Sanmenxia-1")
    assert report.logins == (*map(str, range(1001, 1011)), "2001", "2002", "2003", "2004", "3001", "3002", "admin")
    async with database.transaction() as session:
        first = await load_snapshot(session, settings)
        people = {person.login: person for person in await users.people(session)}
    assert people["1001"].agent == Agent("1001", {"general": 1}, "8001")
    assert people["2001"].agent == Agent("2001", {"expert-12333": 1}, "8011")
    assert people["2004"].agent == Agent("2004", {"expert-12348": 1}, "8014")
    assert people["3001"].roles == {Role.SUPERVISOR}
    assert people["admin"].roles == {Role.ADMIN}
    async with database.transaction() as session:
        known = {team.team: team for team in await teams.teams(session)}
    assert known["general-1"].supervisors == ("3001",)
    assert known["general-1"].agents == tuple(str(1001 + i) for i in range(10))
    assert known["experts"].supervisors == ("3002",)
    clock.advance(60)
    again = await seed_demo(database, settings, passwords, clock, password="something else")
    assert (again.logins, again.hotlines.added, again.hotlines.changed) == ((), (), ())
    async with database.transaction() as session:
        assert await load_snapshot(session, settings) == first
    await Sessions(database, passwords, clock, SessionPolicy()).sign_in("1001", "Sanmenxia-1")


async def test_every_transfer_has_a_test_target_and_none_a_real_number(
    database: Database, settings: Settings, passwords: Passwords, clock: ManualClock
) -> None:
    await seed_demo(database, settings, passwords, clock, password="Sanmenxia-1")
    async with database.transaction() as session:
        snapshot = await load_snapshot(session, settings)
    plans = [snapshot.plan(line.number, clock.now()) for line in snapshot.lines]
    transfers = {plan.number: plan.targets for plan in plans if plan.path is PathKind.TRANSFER}
    assert transfers.keys() == TRUNKS.keys()
    for number, targets in transfers.items():
        assert [target.endpoint for target in targets] == [TRUNKS[number]]
        assert all(re.fullmatch("990[0-9]+", target.user) for target in targets)
    # Everyone with experts has one who is signed up for the group.
    async with database.transaction() as session:
        groups = {group for person in await users.people(session) if person.agent for group in person.agent.groups}
    asked = {group for plan in plans if plan.mode is Mode.DUAL for group in plan.groups_first}
    assert asked <= groups


async def test_an_operators_own_target_stays(
    database: Database, settings: Settings, passwords: Passwords, clock: ManualClock
) -> None:
    await seed_demo(database, settings, passwords, clock, password="Sanmenxia-1")
    async with database.transaction() as session:
        line = await lines.get(session, "12366", "0398")
        await lines.set_targets(session, line, [NewTarget("branch-12366", "8001")], now=clock.now())
    await seed_demo(database, settings, passwords, clock, password="Sanmenxia-1")
    async with database.transaction() as session:
        snapshot = await load_snapshot(session, settings)
    assert [target.user for target in snapshot.plan("12366", clock.now()).targets] == ["8001"]
