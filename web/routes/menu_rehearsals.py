"""Call me with this draft (用此草稿给我打电话试听): an editor hears a draft on a phone of their own. The line's voice
processes carry it out (`calls/menu/rehearsal.py`); here it is asked for, watched and ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from calls.menu.rehearsal_board import LEASE_MS, Rehearsal, RehearsalBoard, RehearsalState, new_id
from directory.models import Role
from hotline.errors import Conflict, InvalidInput
from ivr import drafts
from web.access import CurrentActor, Parts, roles
from web.administration import Administration, Change
from web.menu_schemas import Key
from web.phone.seats import PhoneKind, SeatTaken, extension_of, kind_of, refuse_taken
from web.problems import DOCUMENTED
from web.services import Services

router = APIRouter(prefix="/api/menus", tags=["menus"], responses=DOCUMENTED, dependencies=[roles(Role.ADMIN)])


class PhoneMissing(InvalidInput):
    """No extension was given, and the editor has none; or it is no phone of this line."""

    code = "rehearsal.phone_missing"


class PhoneTaken(Conflict):
    """The phone is somebody else's, or somebody sits there."""

    code = "rehearsal.phone_taken"


class PhoneAway(Conflict):
    """The phone is not registered with any Asterisk of ours."""

    code = "rehearsal.phone_away"


class RehearseIn(BaseModel):
    """Which phone, and what is rehearsed."""

    model_config = ConfigDict(extra="forbid")

    extension: Annotated[str, Field(pattern=r"^[0-9]{2,8}$")] | None = Field(
        None, description="A phone of one's own, or a seat's at which nobody sits; none: one's own."
    )
    revision: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(None, description="Of the draft; none: the newest.")
    line: Annotated[str, Field(pattern=r"^[0-9]{3,16}$", description="Taken to have been dialled.")] = "12345"


class VisitOut(BaseModel):
    """A node that was left, and by which branch."""

    model_config = ConfigDict(from_attributes=True)

    flow: str
    node: str
    branch: str


class RehearsalOut(BaseModel):
    """How far a rehearsal is. `at` is the flow and the node that runs; `told` says what was left out, `end` where a
    citizen would be now, or why there was no call."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    flow: str
    revision: int
    line: str
    extension: str
    state: RehearsalState
    at: tuple[str, str] | None
    path: list[VisitOut]
    told: list[str]
    end: str


class WatchedOut(BaseModel):
    """The editor's own, if there is one: a rehearsal that nobody took up or renewed is none."""

    rehearsal: RehearsalOut | None


@router.post("/flows/{flow}/rehearsal", status_code=status.HTTP_202_ACCEPTED)
async def rehearse(flow: Key, body: RehearseIn, change: Administration) -> RehearsalOut:
    """Call the editor's phone and take them through the draft. One at a time; 409 while another goes on."""
    services = change.services
    draft = await drafts.draft(change.session, flow, body.revision)
    extension, host = await _phone(change, body.extension)
    now_ms = services.clock.now_ms()
    rehearsal = Rehearsal(
        id=new_id(now_ms),
        editor=change.actor,
        flow=flow,
        revision=draft.revision,
        line=body.line,
        extension=extension,
        host=host,
        asked_ms=now_ms,
        until_ms=now_ms + LEASE_MS,
    )
    told = {"revision": draft.revision, "extension": extension, "rehearsal": rehearsal.id}
    await change.record("menu.rehearsed", f"menu:{flow}", after=told)
    await _board(services).ask(rehearsal)
    return RehearsalOut.model_validate(rehearsal)


@router.get("/rehearsal")
async def watch(actor: CurrentActor, services: Parts) -> WatchedOut:
    """How far one's own rehearsal is."""
    found = await _board(services).of(actor.user)
    return WatchedOut(rehearsal=None if found is None else RehearsalOut.model_validate(found))


@router.delete("/rehearsal", status_code=status.HTTP_204_NO_CONTENT)
async def stop(actor: CurrentActor, services: Parts) -> None:
    """End it: the phone is hung up within a second. None that goes on: no error."""
    board = _board(services)
    found = await board.of(actor.user)
    if found is not None and found.state is not RehearsalState.ENDED:
        await board.put(found.ended("已由您在页面上结束。"))


def _board(services: Services) -> RehearsalBoard:
    return RehearsalBoard(services.redis, services.settings.site.id, services.clock)


async def _phone(change: Change, wanted: str | None) -> tuple[str, str]:
    """The editor's phone, and the host it is registered with. Raises PhoneMissing, PhoneTaken, PhoneAway."""
    services, agent = change.services, change.by.person.agent
    try:
        if agent is not None:
            extension = await extension_of(change.session, services, agent, wanted)
        else:
            extension = await _free(change.session, services, wanted)
    except SeatTaken:
        raise PhoneTaken(
            "这部话机是别人的，或您已在另一部话机签入。", remedy="请填写自己的分机，或没有人使用的值班话机。"
        ) from None
    if extension is None or kind_of(services.settings, extension) is PhoneKind.NONE:
        raise PhoneMissing("请填写本系统的座席分机号。", remedy="只能呼叫自己的分机或空闲的值班话机，不能呼叫外线。")
    host = await services.acd.home_of(extension)
    if not host:
        raise PhoneAway(f"分机 {extension} 没有注册。", remedy="请打开话机，待其注册后再试。")
    return extension, host


async def _free(session: AsyncSession, services: Services, wanted: str | None) -> str | None:
    if wanted is not None:
        await refuse_taken(session, services, wanted)
    return wanted
