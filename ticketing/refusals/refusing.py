"""不予受理 (TH 10): recorded with its basis, told to the citizen with where to go instead, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, repository
from ticketing.models import TicketRow
from ticketing.policy import TicketPolicy
from ticketing.refusals.errors import NoticeNotFound, NotToldYet, ToldAlready, UnknownGround
from ticketing.refusals.schemas import CitizenNotice, Ground, Refusal, RefusalCount, RefusalDetails
from ticketing.refusals.tables import CitizenNoticeRow, RefusalRow
from ticketing.schemas import Details
from ticketing.vocabulary import Action, CitizenNoticeKind, RefusalGround, State, Told

BASIS: Final[Mapping[RefusalGround, str]] = MappingProxyType(
    {
        ground: f"《通化市政务服务便民热线管理规定（试行）》第十条第（{item}）项"
        for ground, item in zip(RefusalGround, "一二三四五六七", strict=True)
    }
)
"""Of the seven grounds (TH 10). A city with a regulation of its own says so with each refusal, or by `LocalGround`."""

GUIDANCE: Final[Mapping[RefusalGround, str]] = MappingProxyType(
    {
        RefusalGround.SECRETS: "涉及国家秘密、商业秘密或者个人隐私的事项，请向有权处理的机关当面反映",
        RefusalGround.OTHER_POWERS: "请向相应的党委、人大、政协或者军队有关部门反映",
        RefusalGround.OTHER_PROCEDURE: "请通过诉讼、仲裁、纪检监察、行政复议、政府信息公开或者信访渠道提出",
        RefusalGround.ALREADY_HANDLED: "请等待正在办理的单位答复，或者向该单位查询办理进度",
        RefusalGround.CLOSED_SAME_MATTER: "如有新的事实和理由，请重新提出",
        RefusalGround.OUTSIDE_CITY: "请向有管辖权的地方或者上级政务服务便民热线反映",
        RefusalGround.UNLAWFUL: "请依照有关法律、法规、规章的规定提出",
    }
)
"""Where to go instead, unless who refuses says better."""


def grounds(policy: TicketPolicy) -> list[Ground]:
    """All that may be chosen under a policy: the seven, then the city's own."""
    seven = [
        Ground(ground=one, local_ground="", term=one.term, basis=BASIS[one], guidance=GUIDANCE[one])
        for one in RefusalGround
    ]
    own = [
        Ground(
            ground=one.under,
            local_ground=one.code,
            term=one.term,
            basis=one.basis,
            guidance=one.guidance or GUIDANCE[one.under],
        )
        for one in policy.refusal_grounds
    ]
    return seven + own


async def follow(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, *, by: str, at: datetime
) -> None:
    """What an action means for refusals: recorded and to be told; archived only when told. Raises UnknownGround,
    NotToldYet."""
    match action:
        case Action.REFUSE:
            await _refuse(session, ticket, details, by, at)
        case Action.ARCHIVE if ticket.state == State.REFUSED:
            open_ones = select(func.count()).where(
                CitizenNoticeRow.ticket_id == ticket.id, CitizenNoticeRow.told_at.is_(None)
            )
            if await session.scalar(open_ones):
                raise NotToldYet(ticket.number)
        case _:
            pass


async def _refuse(session: AsyncSession, ticket: TicketRow, details: Details, by: str, at: datetime) -> None:
    given = details if isinstance(details, RefusalDetails) else RefusalDetails.model_validate(details.model_dump())
    policy = (await clocks.policies(session)).numbered(ticket.policy).policy
    chosen = next(
        (one for one in grounds(policy) if (one.ground, one.local_ground) == (given.ground, given.local_ground)),
        None,
    )
    if chosen is None:
        raise UnknownGround(given.local_ground)
    refusal = RefusalRow(
        ticket_id=ticket.id,
        ground=chosen.ground.value,
        local_ground=chosen.local_ground,
        term=chosen.term,
        basis=given.basis or chosen.basis,
        reason=given.note,
        guidance=given.guidance or chosen.guidance,
        unit_id=await repository.lead_unit(session, ticket.id),
        refused_by=by,
        refused_at=at,
    )
    session.add(refusal)
    text = (
        f"您反映的“{ticket.title}”（编号{ticket.number}）不予受理。原因：{chosen.term}。{_sentence(given.note)}"
        f"依据：{_sentence(refusal.basis)}办理途径：{_sentence(refusal.guidance)}"
    )
    session.add(
        CitizenNoticeRow(ticket_id=ticket.id, kind=CitizenNoticeKind.REFUSAL.value, text=text, made_at=at, note="")
    )


def _sentence(text: str) -> str:
    return text if text.endswith(("。", "！", "？")) else f"{text}。"


async def of(session: AsyncSession, number: str) -> Refusal | None:
    """Why a ticket was refused, if it was. Raises TicketNotFound."""
    ticket = await repository.row(session, number)
    row = await session.get(RefusalRow, ticket.id)
    if row is None:
        return None
    return Refusal(number=number, **{field: getattr(row, field) for field in Refusal.model_fields if field != "number"})


async def notices(
    session: AsyncSession, *, number: str | None = None, open_only: bool = False, after: int = 0, limit: int = 100
) -> Sequence[CitizenNotice]:
    """What citizens are to be told, oldest first, by id from `after` on."""
    wanted = (
        select(CitizenNoticeRow, TicketRow.number)
        .join(TicketRow, TicketRow.id == CitizenNoticeRow.ticket_id)
        .where(CitizenNoticeRow.id > after)
        .order_by(CitizenNoticeRow.id)
        .limit(limit)
    )
    if number is not None:
        wanted = wanted.where(TicketRow.number == number)
    if open_only:
        wanted = wanted.where(CitizenNoticeRow.told_at.is_(None))
    return [_notice(row, of_ticket) for row, of_ticket in await session.execute(wanted)]


async def told(session: AsyncSession, notice: int, how: Told, *, note: str, by: str, at: datetime) -> CitizenNotice:
    """The citizen was told, or cannot be reached. Raises NoticeNotFound, ToldAlready."""
    row = await session.get(CitizenNoticeRow, notice, with_for_update=True)
    if row is None:
        raise NoticeNotFound(str(notice))
    if row.told_at is not None:
        raise ToldAlready(str(notice))
    row.told, row.told_by, row.told_at, row.note = how.value, by, at, note
    number = await session.scalar(select(TicketRow.number).where(TicketRow.id == row.ticket_id))
    return _notice(row, str(number))


async def counts(session: AsyncSession, *, since: datetime, before: datetime) -> list[RefusalCount]:
    """Refusals in a period, by ground; every one of the seven is there, with 0 where there was none."""
    rows = await session.execute(
        select(RefusalRow.ground, RefusalRow.local_ground, func.max(RefusalRow.term), func.count())
        .where(RefusalRow.refused_at >= since, RefusalRow.refused_at < before)
        .group_by(RefusalRow.ground, RefusalRow.local_ground)
        .order_by(RefusalRow.ground, RefusalRow.local_ground)
    )
    found = list(rows)
    seven = [
        RefusalCount(
            ground=one, local_ground="", term=one.term, count=sum(row[3] for row in found if row[0] == one.value)
        )
        for one in RefusalGround
    ]
    own = [
        RefusalCount(ground=RefusalGround(ground), local_ground=local, term=term, count=count)
        for ground, local, term, count in found
        if local
    ]
    return seven + own


def _notice(row: CitizenNoticeRow, number: str) -> CitizenNotice:
    fields = {field: getattr(row, field) for field in CitizenNotice.model_fields if field != "number"}
    return CitizenNotice(number=number, **fields)
