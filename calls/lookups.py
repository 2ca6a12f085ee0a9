"""Look-ups in departments' own systems (部门查询): units open look-ups of their systems to agents (SMX 二(三)4).

Which questions there are, who may ask them and what is shown of an answer stands in `hotline.toml`. An agent needs a
reason: a call that is or just was theirs, or an open ticket. What is asked goes through a port (`DepartmentSystem`).
Each asking leaves two readings in the audit log: one before anything is sent, so that no asking is unknown, and one of
what came of it before anything is shown. Values are kept there as their keyed index; answers are kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

import structlog
from jsonpointer import JsonPointerException, resolve_pointer
from sqlalchemy.ext.asyncio import AsyncSession

from acd.service import Acd
from acd.states import AgentState
from calls.handover_keys import FILE as KEYS_FILE
from calls.handover_keys import PartnerKeys
from calls.models import CallRow
from calls.web_request import WebRequestFailed, WebRequests, Why
from directory import reads
from directory.users import Person
from hotline import ids, sealed
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound, PartUnavailable, TooMany
from hotline.settings import LookupQuery, Settings
from ticketing import repository
from ticketing.vocabulary import State

_log = structlog.get_logger(__name__)

LONGEST_SHOWN: Final = 500
"""Characters of a value that is shown."""
_AT_ONCE: Final = 4
"""Requests to one department's host at a time."""
_BEFORE_THE_TALK: Final = frozenset({AgentState.RESERVED, AgentState.RINGING})
_PLACE: Final = re.compile(r"\{([^{}]*)\}")


class LookupUnknown(NotFound):
    """No such query."""

    code = "lookup.unknown"


class LookupNotAllowed(NotAllowed):
    """The query is for other roles or skill groups."""

    code = "lookup.not_allowed"


class LookupReasonMissing(InvalidInput):
    """Neither a call nor a ticket was named, or both were."""

    code = "lookup.reason_missing"


class LookupNotAtHand(Conflict):
    """The call is not the agent's, or the ticket is over."""

    code = "lookup.not_at_hand"


class LookupFieldsWrong(InvalidInput):
    """What was typed does not have the form that the query asks for; `wrong` names the fields."""

    code = "lookup.fields_wrong"


class LookupUnderWay(TooMany):
    """The agent's last question has no answer yet."""

    code = "lookup.under_way"


class DepartmentSilent(PartUnavailable):
    """The department's system could not be reached, or did not answer in time."""

    code = "lookup.department_silent"


class DepartmentRefused(PartUnavailable):
    """The department's system answered with an error."""

    code = "lookup.department_refused"


class DepartmentUnclear(PartUnavailable):
    """The department's system answered something else than was agreed."""

    code = "lookup.department_unclear"


class DepartmentNotSetUp(PartUnavailable):
    """Our side cannot ask: no key, or an address that may not be asked."""

    code = "lookup.not_set_up"


class DepartmentSystem(Protocol):
    """The port to departments' systems."""

    async def ask(self, query: LookupQuery, values: Mapping[str, str], *, operator: str, reason: str) -> Any:
        """The answer as JSON has it; None: nothing was found. `values` by field; `operator` is the work number (工号)
        of who asks, `reason` the number of the ticket or the call. Raises PartUnavailable in words for the agent."""


@dataclass(frozen=True, slots=True)
class Because:
    """Why is asked: a call or a ticket, never both."""

    call: str | None = None
    ticket: str | None = None

    @property
    def number(self) -> str:
        """The one that was named. Raises LookupReasonMissing."""
        if (self.call is None) is (self.ticket is None):
            raise LookupReasonMissing("请说明查询依据：当前通话或一张工单。", remedy="接通来电或填写工单编号后再查询。")
        return self.call or self.ticket or ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value of an answer under its name; None: the answer does not have it."""

    label: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of a question. `id` is its id in the audit log; without `fields` nothing was found."""

    id: str
    at: datetime
    fields: tuple[Shown, ...]


class SignedHttp:
    """The port over HTTP: one signed request (`calls.web_request`), total time and size bounded, no redirect followed.

    The hosts of queries may have private addresses, and plain http where the query says so: they were named by whoever
    runs the line, not by an agent.
    """

    def __init__(self, requests: WebRequests) -> None:
        self._requests = requests

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> SignedHttp:
        """As `hotline.toml` has it."""
        return cls(
            WebRequests(
                keys=PartnerKeys(settings.var_dir / KEYS_FILE),
                clock=clock,
                site=settings.site.id,
                named=[urlsplit(query.url).hostname or "" for query in settings.lookups.queries],
                at_once=_AT_ONCE,
            )
        )

    def close(self) -> None:
        """No more requests."""
        self._requests.close()

    async def ask(self, query: LookupQuery, values: Mapping[str, str], *, operator: str, reason: str) -> Any:
        """See `DepartmentSystem.ask`."""
        placed = set(_PLACE.findall(query.url))
        url = _PLACE.sub(lambda place: quote(values[place[1]], safe=""), query.url)
        along = {name: value for name, value in values.items() if name not in placed}
        try:
            return await self._requests.ask(
                query.method, url, {**along, "operator": operator, "reason": reason}, seconds=query.seconds
            )
        except WebRequestFailed as failed:
            if failed.status == 404:
                return None
            _log.warning("lookup.failed", query=query.code, why=failed.why.value)
            raise _in_words(failed, query.department) from None


_SILENT: Final = frozenset({Why.NO_CONNECTION, Why.UNKNOWN_HOST, Why.TIMEOUT, Why.BUSY, Why.BROKEN_OFF})
_REFUSED: Final = frozenset({Why.CLIENT_ERROR, Why.SERVER_ERROR})
_OURS: Final = frozenset({Why.NO_KEY, Why.ADDRESS, Why.PLAIN_HTTP, Why.BAD_URL})


def _in_words(failed: WebRequestFailed, department: str) -> PartUnavailable:
    if failed.why in _SILENT:
        return DepartmentSilent(f"{department}的系统没有应答。", remedy="请稍后重试，或转办由该单位答复。")
    if failed.why in _REFUSED:
        return DepartmentRefused(
            f"{department}的系统拒绝了查询（{failed.status}）。", remedy="请联系值班技术人员核实。"
        )
    if failed.why in _OURS:
        return DepartmentNotSetUp("这项查询尚未配置好，没有发出请求。", remedy="请联系管理员检查地址和密钥。")
    return _unclear(department)


def _unclear(department: str) -> DepartmentUnclear:
    return DepartmentUnclear(f"{department}的系统返回的内容与约定不符，无法显示。", remedy="请联系值班技术人员核实。")


class LookupDesk:
    """Asks departments for agents, one question of an agent at a time."""

    def __init__(self, settings: Settings, *, database: Database, acd: Acd, clock: Clock, system: DepartmentSystem):
        self._queries = {query.code: query for query in settings.lookups.queries}
        self._after_call = timedelta(minutes=settings.lookups.after_call_minutes)
        self._database = database
        self._acd = acd
        self._clock = clock
        self._system = system
        self._asking: set[str] = set()

    def open_to(self, person: Person) -> list[LookupQuery]:
        """What this person may ask, in the order of the settings."""
        return [query for query in self._queries.values() if _may(query, person)]

    async def ask(self, code: str, values: Mapping[str, str], because: Because, person: Person) -> Looked:
        """Ask. Raises LookupUnknown, LookupNotAllowed, LookupFieldsWrong, LookupReasonMissing, LookupNotAtHand,
        LookupUnderWay, TicketNotFound, and PartUnavailable where the department gave no answer."""
        query = self._queries.get(code)
        if query is None:
            raise LookupUnknown("没有这项查询。", remedy="请刷新页面后重新选择。")
        if person.agent is None or not _may(query, person):
            raise LookupNotAllowed("您没有这项查询的权限。", remedy="如工作需要，请联系管理员。")
        asked = _checked(query, values)
        operator = person.agent.work_number
        if operator in self._asking:
            raise LookupUnderWay("上一次查询还没有结果。", remedy="请等它返回后再查询。")
        self._asking.add(operator)
        try:
            return await self._audited(query, asked, because, operator)
        finally:
            self._asking.discard(operator)

    async def _audited(self, query: LookupQuery, asked: Mapping[str, str], because: Because, operator: str) -> Looked:
        reason = because.number
        identity = ids.token(12)
        why = {"lookup": identity, "reason": reason}
        indexed = {name: sealed.keys().index(value).hex() for name, value in asked.items()}
        async with self._database.transaction() as session:
            await self._must_be_at_hand(session, because, operator)
            await self._note(session, operator, "lookup.asked", query, {**why, "asked": indexed})
        try:
            answer = await self._system.ask(query, asked, operator=operator, reason=reason)
            fields = () if answer is None else _shown(query, answer)
        except PartUnavailable as failed:
            async with self._database.transaction() as session:
                await self._note(session, operator, "lookup.failed", query, {**why, "code": failed.code})
            raise
        async with self._database.transaction() as session:
            action = "lookup.answered" if fields else "lookup.nothing"
            await self._note(session, operator, action, query, {**why, "shown": len(fields)})
        return Looked(identity, self._clock.now(), fields)

    async def _note(
        self, session: AsyncSession, operator: str, action: str, query: LookupQuery, why: Mapping[str, Any]
    ) -> None:
        await reads.note(
            session, at=self._clock.now(), actor=operator, action=action, subject=f"lookup:{query.code}", why=why
        )

    async def _must_be_at_hand(self, session: AsyncSession, because: Because, operator: str) -> None:
        if because.ticket is not None:
            ticket = await repository.row(session, because.ticket)
            if not State(ticket.state).open:
                raise LookupNotAtHand("这张工单已经办结，不能作为查询依据。", remedy="请选择正在办理的工单。")
            return
        call = because.call or ""
        seen = await self._acd.agent(operator)
        if seen is not None and seen.call == call and seen.state not in _BEFORE_THE_TALK:
            return
        past = await session.get(CallRow, call)
        if (
            past is None
            or past.agent != operator
            or past.ended_at is None
            or self._clock.now() - past.ended_at > self._after_call
        ):
            raise LookupNotAtHand("这通电话不在您手上，不能作为查询依据。", remedy="请在通话中查询，或选择一张工单。")


def _may(query: LookupQuery, person: Person) -> bool:
    agent = person.agent
    if agent is None or not set(query.roles) & {role.value for role in person.roles}:
        return False
    return not query.skills or bool(set(query.skills) & set(agent.groups))


def _checked(query: LookupQuery, values: Mapping[str, str]) -> dict[str, str]:
    """The values of all fields, without blanks around them."""
    known = {field.name: field for field in query.fields}
    asked = {name: values.get(name, "").strip() for name in known}
    placed = set(_PLACE.findall(query.url))
    wrong = [(name, "没有这一项") for name in values if name not in known]
    for name, value in asked.items():
        field = known[name]
        if not value:
            wrong.append((name, "请填写"))
        elif len(value) > field.longest or not re.fullmatch(field.pattern, value):
            wrong.append((name, field.hint or "格式不符"))
        elif name in placed and not value.strip("."):
            # A segment of dots would lead to another address.
            wrong.append((name, "格式不符"))
    if wrong:
        error = LookupFieldsWrong("查询内容不符合要求。", remedy="请按提示修改后重新查询。")
        error.wrong = tuple(wrong)
        raise error
    return asked


def _shown(query: LookupQuery, answer: Any) -> tuple[Shown, ...]:
    """Raises DepartmentUnclear for an answer that has none of what is shown, or has it in another form."""
    shown = tuple(Shown(one.label, _text(answer, one.at, query.department)) for one in query.shown)
    if all(one.value is None for one in shown):
        raise _unclear(query.department)
    return shown


def _text(answer: Any, pointer: str, department: str) -> str | None:
    try:
        found = resolve_pointer(answer, pointer)
    except JsonPointerException:
        return None
    text = "、".join(_words(found if isinstance(found, list) else [found], department))
    if len(text) > LONGEST_SHOWN:
        raise _unclear(department)
    return text or None


def _words(values: Iterable[Any], department: str) -> Iterable[str]:
    for value in values:
        if value is None:
            continue
        if isinstance(value, bool):
            yield "是" if value else "否"
        elif isinstance(value, str | int | float) and (text := str(value).strip()).isprintable():
            yield text
        else:
            raise _unclear(department)
