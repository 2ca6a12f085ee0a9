"""A directory to try the line with: Sanmenxia's list, its counties, test targets, and people who sign in.

No target here can reach a real desk: each goes to a trunk of its own (see TRUNKS) with digits beginning 990, which no
public numbering plan assigns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from directory import account_repository, lines, partners, repository, teams, users
from directory.importer import SANMENXIA, ImportReport, import_hotlines
from directory.lines import NewTarget
from directory.models import PartnerKind, Role, UnitLevel
from directory.modes import GENERAL_GROUP, expert_group
from directory.partners import PartnerEntry
from directory.passwords import Passwords
from directory.users import Agent, NewUser
from hotline.clock import Clock
from hotline.database import Database
from hotline.settings import Settings

TRUNKS = {
    "12366": "branch-12366",
    "12367": "branch-12367",
    "12328": "own-12328",
    "110": "emergency-110",
    "119": "emergency-119",
    "120": "emergency-120",
    "122": "emergency-122",
}
"""Line -> endpoint name of the trunk its test target sits on; the settings say where each trunk leads."""

PROVINCE_TRUNK = "province"
"""Where the province's test number sits, and where its calls come from."""

EXPERT_LINES = ("12333", "12320", "12329", "12348")
"""Lines with an expert: work numbers 2001, 2002, ... in this order."""

_CITY = "三门峡市人民政府"
_COUNTIES = ("湖滨区", "陕州区", "灵宝市", "义马市", "渑池县", "卢氏县")


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the seed did: the list's import and the logins it made."""

    hotlines: ImportReport
    logins: tuple[str, ...]


async def seed_demo(
    database: Database,
    settings: Settings,
    passwords: Passwords,
    clock: Clock,
    *,
    password: str,
    general_agents: int = 10,
    ring_seconds: int = 15,
) -> DemoReport:
    """Fill the directory for a demonstration; what is there already stays. Every login made gets `password`.

    Agents 1001, 1002, ... have group `general` and are the team of supervisor 3001; 2001.. are the experts of
    EXPERT_LINES, whose supervisor is 3002; `admin` is the administrator. Extensions count up from
    `asterisk.extensions_from`. One transaction.
    """
    now = clock.now()
    async with database.transaction() as session:
        report = await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=now, actor="demo")
        city = await lines.ensure_unit(session, _CITY, UnitLevel.CITY, None, now=now)
        for county in _COUNTIES:
            await lines.ensure_unit(session, f"{county}人民政府", UnitLevel.COUNTY, city, now=now)
        entered = await repository.lines_with_targets(session)
        for number, endpoint in TRUNKS.items():
            line = await lines.get(session, number, settings.site.area_code)
            # An operator's own targets are never replaced by test ones.
            if line.id not in entered:
                await lines.set_targets(session, line, [NewTarget(endpoint, f"990{number}", ring_seconds)], now=now)
        if not await partners.listed(session):
            for code, partner in _partners(ring_seconds).items():
                await partners.save(session, code, partner, now=now)
        made = []
        for new in _people(settings, general_agents):
            if await account_repository.user(session, new.login) is None:
                await users.add_user(session, new, password, passwords, now=now)
                made.append(new.login)
        known = {team.team for team in await teams.teams(session)}
        for team, name, supervisor, agents in _teams(general_agents):
            if team not in known:
                await teams.save_team(session, team, name, agents, [supervisor])
    return DemoReport(report, tuple(made))


def _partners(ring_seconds: int) -> dict[str, PartnerEntry]:
    """Whom calls and data are exchanged with; none takes data before somebody enters its webhook."""
    own = (NewTarget(PROVINCE_TRUNK, "99012345", ring_seconds),)
    return {
        "branch-12366": PartnerEntry("12366分中心", PartnerKind.BRANCH, line="12366", trunk=TRUNKS["12366"]),
        "branch-12367": PartnerEntry("12367分中心", PartnerKind.BRANCH, line="12367", trunk=TRUNKS["12367"]),
        "police-110": PartnerEntry("110指挥中心", PartnerKind.POLICE, line="110", trunk=TRUNKS["110"]),
        "province": PartnerEntry("省级12345平台", PartnerKind.PROVINCE, numbers=own, trunk=PROVINCE_TRUNK),
    }


def _people(settings: Settings, general_agents: int) -> Iterator[NewUser]:
    extension = settings.asterisk.extensions_from
    for i in range(general_agents):
        yield NewUser(
            login=str(1001 + i),
            name=f"话务员{i + 1}",
            roles=frozenset({Role.AGENT}),
            agent=Agent(str(1001 + i), {GENERAL_GROUP: 1}, str(extension + i)),
        )
    for i, number in enumerate(EXPERT_LINES):
        yield NewUser(
            login=str(2001 + i),
            name=f"{number}专家",
            roles=frozenset({Role.EXPERT}),
            agent=Agent(str(2001 + i), {expert_group(number): 1}, str(extension + general_agents + i)),
        )
    yield NewUser("3001", "班长", frozenset({Role.SUPERVISOR}))
    yield NewUser("3002", "专家班班长", frozenset({Role.SUPERVISOR}))
    yield NewUser("admin", "管理员", frozenset({Role.ADMIN}))


def _teams(general_agents: int) -> Iterator[tuple[str, str, str, list[str]]]:
    """Team, name, supervisor, agents."""
    yield "general-1", "综合一班", "3001", [str(1001 + i) for i in range(general_agents)]
    yield "experts", "专家班", "3002", [str(2001 + i) for i in range(len(EXPERT_LINES))]
