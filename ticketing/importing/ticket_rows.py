"""An old system's ticket as one row says it, checked. Pure: units and categories are given."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from directory.numbers import InvalidNumber, normalise
from ticketing.importing import written
from ticketing.importing.rows import RowReader
from ticketing.vocabulary import Confidentiality, Satisfaction, Source, State, Term, TicketType, Urgency

ENTERS_IN: Final = (
    State.REGISTERED,
    State.TO_DISPATCH,
    State.TO_SIGN,
    State.HANDLING,
    State.REPLIED,
    State.REFUSED,
    State.ARCHIVED,
)
"""Where a ticket may enter. What was asked for and not decided there (退单, 延期, 审核) is asked for here again."""
_STATES: Final[Mapping[str, State]] = MappingProxyType(
    {
        "待受理": State.REGISTERED,
        "已受理": State.TO_DISPATCH,
        "待转办": State.TO_DISPATCH,
        "退单": State.TO_DISPATCH,
        "已退单": State.TO_DISPATCH,
        "退单中": State.TO_DISPATCH,
        "已派单": State.TO_SIGN,
        "已转办": State.TO_SIGN,
        "待办理": State.TO_SIGN,
        "已签收": State.HANDLING,
        "在办": State.HANDLING,
        "办理": State.HANDLING,
        "延期中": State.HANDLING,
        "延期待审": State.HANDLING,
        "退单待审": State.HANDLING,
        "答复待审": State.HANDLING,
        "待回访": State.REPLIED,
        "已反馈": State.REPLIED,
        "已回访": State.ARCHIVED,
        "已办结": State.ARCHIVED,
        "办结": State.ARCHIVED,
        "已完成": State.ARCHIVED,
        "已关闭": State.ARCHIVED,
        "归档": State.ARCHIVED,
        "已直接答复": State.ARCHIVED,
        "直接答复": State.ARCHIVED,
        "不受理": State.REFUSED,
    }
)
_SATISFACTION: Final[Mapping[str, Satisfaction]] = MappingProxyType(
    {"比较满意": Satisfaction.FAIRLY_SATISFIED, "一般": Satisfaction.FAIRLY_SATISFIED}
)
_URGENCY: Final[Mapping[str, Urgency]] = MappingProxyType({"普通": Urgency.GENERAL, "特急": Urgency.URGENT})
_CONFIDENTIALITY: Final[Mapping[str, Confidentiality]] = MappingProxyType(
    {"是": Confidentiality.CONFIDENTIAL, "否": Confidentiality.OPEN, "不保密": Confidentiality.OPEN}
)
_TYPES: Final[Mapping[str, TicketType]] = MappingProxyType(
    {"意见": TicketType.SUGGESTION, "意见建议": TicketType.SUGGESTION}
)
_SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {"来电": Source.PHONE, "热线": Source.PHONE, "网络": Source.WEB, "APP": Source.APP, "110": Source.POLICE_110}
)
_AREA: Final = re.compile(r"[0-9]{6}([0-9]{6})?")
_HOTLINE: Final = re.compile(r"\+?[0-9]{1,20}")
_BETWEEN: Final = re.compile(r"[、；;，,\n|]")
_MOST_ASSISTING: Final = 20
_TITLE: Final = 40
"""Characters of the content that stand for a title where the old system has none."""


@dataclass(frozen=True, slots=True)
class OldTicket:
    """What a row says, in our words. Moments are UTC; `lead` and `assisting` are ids of units."""

    key: str
    type: str
    title: str
    content: str
    source: str
    caller_number: str
    caller_name: str
    address: str
    area_code: str
    category: str
    urgency: str
    confidentiality: str
    hotline: str
    state: State
    registered_at: datetime
    agent: str
    dispatched_at: datetime | None
    lead: int | None
    assisting: tuple[int, ...]
    signed_at: datetime | None
    extensions: int
    due_at: datetime | None
    replied_at: datetime | None
    reply: str
    visited_at: datetime | None
    satisfaction: str
    closed_at: datetime | None
    course: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a row is read against: names of units with their ids, codes of categories, the city, now."""

    units: Mapping[str, Sequence[int]]
    categories: Collection[str]
    zone: ZoneInfo
    area_code: str
    now: datetime
    most_extensions: int


def read(row: RowReader, known: Known) -> OldTicket | None:
    """The ticket; None where `row.problems` says why not."""
    key = row.key()
    content = row.text("content", 20_000)
    title = row.text("title", 200) or content[:_TITLE].replace("\n", " ")
    if not title:
        row.wrong("content", "标题和内容都是空的")
    state = row.read("state", lambda cell: _state(str(cell)))
    if state is None:
        row.text("state", 64, needed=True)
    moments = {
        name: row.read(name, lambda cell: written.moment(cell, known.zone))
        for name in ("registered_at", "dispatched_at", "signed_at", "due_at", "replied_at", "visited_at", "closed_at")
    }
    lead = row.read("lead", lambda cell: unit_of(str(cell), known.units))
    assisting = row.read("assisting", lambda cell: _units_of(str(cell), known.units)) or ()
    if lead is not None and lead in assisting:
        row.wrong("assisting", "主办单位又写成了协办单位")

    def word(name: str, words: type[Term], more: Mapping[str, Term]) -> str:
        found = row.read(name, lambda cell: written.one_of(words, str(cell), more))
        return "" if found is None else found.value

    found = OldTicket(
        key=key,
        type=word("type", TicketType, _TYPES) or TicketType.CONSULT,
        title=title,
        content=content,
        source=word("source", Source, _SOURCES) or Source.PHONE,
        caller_number=row.read("caller_number", lambda cell: _number(str(cell), known.area_code)) or "",
        caller_name=row.text("caller_name", 64),
        address=row.text("address", 300),
        area_code=row.read("area_code", lambda cell: _of_form(str(cell), _AREA, "应为 6 位或 12 位区划代码")) or "",
        category=row.read("category", lambda cell: _category(str(cell), known.categories)) or "",
        urgency=word("urgency", Urgency, _URGENCY) or Urgency.GENERAL,
        confidentiality=word("confidentiality", Confidentiality, _CONFIDENTIALITY) or Confidentiality.OPEN,
        hotline=row.read("hotline", lambda cell: _of_form(str(cell), _HOTLINE, "应为热线号码")) or "",
        state=state or State.REGISTERED,
        registered_at=moments["registered_at"] or known.now,
        agent=row.text("agent", 64),
        dispatched_at=moments["dispatched_at"],
        lead=lead,
        assisting=assisting,
        signed_at=moments["signed_at"],
        extensions=row.read("extensions", lambda cell: written.count(str(cell), known.most_extensions)) or 0,
        due_at=moments["due_at"],
        replied_at=moments["replied_at"],
        reply=row.text("reply", 20_000),
        visited_at=moments["visited_at"],
        satisfaction=word("satisfaction", Satisfaction, _SATISFACTION),
        closed_at=moments["closed_at"],
        course=row.text("course", 20_000),
    )
    if state is not None:
        _check(row, found, moments["registered_at"], known)
    return None if row.problems else found


def _check(row: RowReader, ticket: OldTicket, registered_at: datetime | None, known: Known) -> None:
    """What a ticket in its state must have, and the order of its moments."""
    if registered_at is None:
        row.wrong("registered_at", "不能为空")
    for name in _NEEDED.get(ticket.state, ()):
        if getattr(ticket, name) in (None, ""):
            row.wrong(name, f"状态为“{ticket.state.term}”时不能为空")
    if ticket.state is State.REGISTERED and ticket.dispatched_at is not None:
        row.wrong("state", "已有派单时间，状态却是“已登记”")
    if ticket.lead is None and ticket.dispatched_at is not None:
        row.wrong("lead", "有派单时间而没有主办单位")
    if ticket.lead is not None and ticket.dispatched_at is None:
        row.wrong("dispatched_at", "有主办单位而没有派单时间")
    steps = ("dispatched_at", "signed_at", "replied_at", "visited_at", "closed_at")
    given = [("registered_at", registered_at), *((name, getattr(ticket, name)) for name in steps)]
    row.in_order(given)
    for name, at in given:
        if at is not None and at > known.now:
            row.wrong(name, "晚于现在")


_NEEDED: Final[Mapping[State, tuple[str, ...]]] = MappingProxyType(
    {
        State.TO_SIGN: ("dispatched_at", "lead"),
        State.HANDLING: ("dispatched_at", "lead"),
        State.REPLIED: ("dispatched_at", "lead", "replied_at"),
        State.REFUSED: ("reply",),
        State.ARCHIVED: ("closed_at",),
    }
)


def unit_of(name: str, units: Mapping[str, Sequence[int]]) -> int:
    """A unit by its name, the way down to it, or the old system's code. Raises ValueError."""
    found = units.get(name, ())
    if not found:
        raise ValueError(f"没有单位“{name[:64]}”：请先导入单位，或在映射中写明")
    if len(found) > 1:
        raise ValueError(f"有几个单位叫“{name[:64]}”，请写“上级单位/{name[:64]}”")
    return found[0]


def _units_of(names: str, units: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    found = [unit_of(name.strip(), units) for name in _BETWEEN.split(names) if name.strip()]
    if len(set(found)) < len(found):
        raise ValueError("同一单位写了两次")
    if len(found) > _MOST_ASSISTING:
        raise ValueError(f"最多 {_MOST_ASSISTING} 个单位")
    return tuple(found)


def _state(text: str) -> State:
    try:
        state = written.one_of(State, text, _STATES)
    except ValueError:
        state = None
    if state is State.CLOSED:
        return State.ARCHIVED
    if state not in ENTERS_IN:
        known = "、".join(one.term for one in ENTERS_IN)
        raise ValueError(f"“{text[:20]}”不是可导入的状态，应为：{known}（或在映射中写明）")
    return state


def _number(text: str, area_code: str) -> str:
    try:
        return normalise(text, area_code)
    except InvalidNumber:
        raise ValueError("不是电话号码（可在映射中写明怎样处理）") from None


def _category(code: str, known: Collection[str]) -> str:
    if code not in known:
        raise ValueError(f"没有类别编码“{code[:32]}”")
    return code


def _of_form(text: str, form: re.Pattern[str], why: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(why)
    return text
