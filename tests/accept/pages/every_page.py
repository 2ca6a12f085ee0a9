"""Item 7: axe over every page of every role at both sizes, no error on any console, each role its own pages only."""

from __future__ import annotations

from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from hotline.clock import SystemClock
from tests.accept.line import PASSWORD, Line
from tests.accept.scenario import Item, Scale
from tests.pages.browsing import DEADLINE_MS, DESK, Watch, chromium, screenshots
from tests.pages.people import sign_in
from tests.pages.walking import own_paths, refused, walk

_SHORT = (Role.AGENT, Role.ADMIN)
_OF_UNITS = {Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER, Role.COUNTY_BODY}
_WORK_NUMBERS = {Role.AGENT: "9901", Role.EXPERT: "9902"}


async def _people(line: Line, roles: tuple[Role, ...]) -> dict[Role, str]:
    """Somebody new of each role, so that no item's agent is in the way; their logins."""
    logins = {role: f"page-{role.value.replace('_', '-')}" for role in roles}
    async with line.database.transaction() as session:
        unit = Unit(name="页面验收单位", level=UnitLevel.CITY)
        session.add(unit)
        await session.flush()
        for role, login in logins.items():
            of_unit = unit.id if role in _OF_UNITS else None
            agent = Agent(_WORK_NUMBERS[role], {"general": 1}) if role in _WORK_NUMBERS else None
            person = NewUser(login, f"页面 {role.name}", frozenset({role}), of_unit, agent)
            await add_user(session, person, PASSWORD, Passwords(), now=SystemClock().now())
    return logins


async def every_page(line: Line, scale: Scale) -> str:
    """Walk; returns how many pages of how many roles were looked at, and where their pictures are."""
    roles = tuple(Role) if scale.full else _SHORT
    logins = await _people(line, roles)
    paths: dict[Role, list[str]] = {}
    trouble: list[str] = []
    async with chromium() as browser:
        pages = {}
        for role, login in logins.items():
            context = await browser.new_context(locale="zh-CN", viewport=DESK, base_url=line.web)  # type: ignore[arg-type]
            context.set_default_timeout(DEADLINE_MS)
            await sign_in(context, line.web, login, PASSWORD)
            pages[role] = await context.new_page()
            watch = Watch(pages[role])
            paths[role] = await own_paths(pages[role])
            await walk(pages[role], role.value, paths[role])
            trouble += [f"{role.value}: {what}" for what in watch.trouble()]
        everything = {path for own in paths.values() for path in own}
        for role, page in pages.items():
            await refused(page, role.value, sorted(everything - set(paths[role])))
    assert not trouble, "\n".join(trouble)
    looked_at = sum(map(len, paths.values()))
    return f"{looked_at} pages of {len(roles)} roles, twice each; pictures in {screenshots()}"


ITEM = Item(7, "axe finds nothing on any page of any role; each sees its own; no console error", every_page)
