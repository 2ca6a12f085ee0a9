"""Menus (菜单): drafts that two editors may have open at once, what is to be said of them, and trying them out."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field

from calls.menu_world import MenuWorld, load_world
from directory.models import Role
from hotline.errors import InvalidInput
from ivr import drafts, exchange, history
from ivr.cases import WorldOfCase
from ivr.coverage import coverage
from ivr.drafts import Clash, Draft
from ivr.events import CallFacts
from ivr.flow import ExpectedEnd, Flow, MenuCase
from ivr.lengths import seconds_with
from ivr.menu_errors import StaleDraft
from ivr.releases import text_of
from ivr.simulator import Caller, simulate
from ticketing.schemas import Moment
from web import problems
from web.access import CurrentActor, Parts, Transaction, roles
from web.administration import Administration
from web.conditional import Expected, tagged
from web.menu_schemas import DraftOut, Key, ProposalOut, RecordId, SavedOut, VerdictOut, VersionOut
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/menus", tags=["menus"], responses=DOCUMENTED)

READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)


class OtherFlow(InvalidInput):
    """The text is another flow's."""

    code = "menu.other_flow"


class OverviewOut(BaseModel):
    """A flow at a glance."""

    model_config = ConfigDict(from_attributes=True)

    flow: str
    name: str
    revision: int
    saved_by: str
    saved_at: datetime
    changed: bool
    version: int | None
    scheduled: list[VersionOut]
    proposal: ProposalOut | None
    lines: list[str]


class StashOut(BaseModel):
    """A text of one's own that came too late."""

    id: int
    base_revision: int
    at: datetime


class ToSimulate(BaseModel):
    """A caller: when, on which line, and what is pressed each time the caller is asked ("" for nothing)."""

    model_config = ConfigDict(extra="forbid")

    document: Any = Field(None, description="A flow that nobody saved; none: the draft, or the version.")
    version: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    at: Moment | None = Field(None, description="None: now.")
    line: Annotated[str, Field(pattern=r"^[0-9]{3,16}$")] = "12345"
    keys: list[Annotated[str, Field(pattern=r"^[0-9*#]{0,32}$")]] = Field(default=[], max_length=64)
    ahead: Annotated[str, Field(pattern=r"^[0-9*#]{0,32}$")] = ""
    tags: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]] = Field(default=[], max_length=16)
    answers: dict[str, dict[str, str] | None] = Field(
        default={}, description="What the world answers at a node: values, or null for a failure."
    )


class StepOut(BaseModel):
    """A line of the transcript, at so many seconds."""

    seconds: float
    flow: str
    node: str
    what: str
    text: str


class AskedOut(BaseModel):
    """Where the caller was asked and had nothing left to press: a page that tries a flow out goes on from there.

    So many lines of the transcript and nodes of the path lie before it.
    """

    flow: str
    node: str
    told: int
    left: int


class SimulatedOut(BaseModel):
    """What became of the caller."""

    at: str
    of: str | None
    why: str
    seconds: float
    human_seconds: float | None
    path: list[str] = Field(description="Nodes and the branches they were left by.")
    transcript: list[StepOut]
    nodes_left: list[str]
    branches_left: list[str]
    asked: AskedOut | None = Field(description="None: everything that was asked was answered.")


@router.get("/flows", dependencies=[roles(*READERS)])
async def list_flows(session: Transaction, services: Parts) -> list[OverviewOut]:
    """Every flow: its draft, its version in force and those to come, and the lines that use it."""
    return [OverviewOut.model_validate(one) for one in await history.overview(session, services.clock.now())]


@router.get("/flows/{flow}/draft", dependencies=[roles(*READERS)])
async def get_draft(
    flow: Key,
    session: Transaction,
    response: Response,
    revision: Annotated[int | None, Query(ge=1, lt=2**31, description="An older one; none: the newest.")] = None,
) -> DraftOut:
    """A draft; its revision is the ETag that saving asks for."""
    found = await drafts.draft(session, flow, revision)
    tagged(response, found.revision)
    return DraftOut.of(found)


@router.put("/flows/{flow}/draft", dependencies=[roles(Role.ADMIN)], response_model=SavedOut)
async def save_draft(
    flow: Key, body: Annotated[Any, Body()], expected: Expected, change: Administration
) -> SavedOut | Response:
    """Save a draft over the revision that was read, by If-Match; `"0"`: a new flow. The answer
    holds the findings and what became of the cases.

    412 `menu.stale` if somebody else was quicker: `base`, `mine` and `theirs` are in it, and what was sent is kept as
    a stash of the sender's.
    """
    return await keep_draft(change, flow, parsed(body, flow), expected.version(None))


@router.post("/flows/{flow}/check", dependencies=[roles(*READERS)])
async def check(
    flow: Key, session: Transaction, services: Parts, body: Annotated[Any, Body(embed=False)] = None
) -> VerdictOut:
    """What is to be said of the draft, or of a document that nobody saved."""
    wanted = (await drafts.draft(session, flow)).flow if body is None else parsed(body, flow)
    world = await load_world(session, services.directory.snapshot, services.settings, services.clock.now())
    return VerdictOut.of(wanted, await world.judge(wanted))


@router.post("/flows/{flow}/simulate", dependencies=[roles(*READERS)])
async def simulated(flow: Key, body: ToSimulate, session: Transaction, services: Parts) -> SimulatedOut:
    """Take a caller through the draft, a version, or a document that nobody saved."""
    now = services.clock.now()
    world = await load_world(session, services.directory.snapshot, services.settings, now)
    if body.document is not None:
        wanted = parsed(body.document, flow)
    elif body.version is not None:
        wanted = await text_of(session, flow, body.version)
    else:
        wanted = (await drafts.draft(session, flow)).flow
    return _played(wanted, body, world, now)


@router.get("/flows/{flow}/stashes", dependencies=[roles(Role.ADMIN)])
async def list_stashes(flow: Key, session: Transaction, actor: CurrentActor) -> list[StashOut]:
    """Texts of one's own that came too late, newest first."""
    return [
        StashOut(id=one.id, base_revision=one.base_revision, at=one.at)
        for one in await drafts.stashes(session, flow, actor.user)
    ]


@router.delete(
    "/flows/{flow}/stashes/{stash}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)]
)
async def drop_stash(flow: Key, stash: RecordId, session: Transaction, actor: CurrentActor) -> None:
    """Forget one: it was merged, or is not wanted."""
    await drafts.drop_stash(session, flow, actor.user, stash)


async def keep_draft(change: Administration, flow: str, wanted: Flow, revision: int) -> SavedOut | Response:
    """Save a flow for whoever asks, from whichever form it came in."""
    session, services = change.session, change.services
    now = services.clock.now()
    saved = await drafts.save(session, wanted, revision=revision, editor=change.actor, now=now)
    if isinstance(saved, Clash):
        # Answered and not raised: the stash is kept by the commit.
        return clash_response(saved)
    world = await load_world(session, services.directory.snapshot, services.settings, now)
    verdict = VerdictOut.of(wanted, await world.judge(wanted))
    await change.record("menu.saved", f"menu:{flow}", after={"revision": saved.revision})
    return _saved(saved, verdict)


def clash_response(clash: Clash) -> Response:
    """The problem that both sides of a clash are in."""
    error = StaleDraft(
        f"{clash.theirs.saved_by} 已保存第 {clash.theirs.revision} 稿；您的文本已暂存（{clash.stash}）",
        remedy="对照三方内容合并后，以最新一稿的版本号再保存",
    )
    sides = {
        "base": clash.base.model_dump(mode="json") if clash.base else None,
        "mine": clash.mine.model_dump(mode="json"),
        "theirs": orjson.loads(DraftOut.of(clash.theirs).model_dump_json()),
        "stash": clash.stash,
    }
    return problems.respond(error, sides, HTTPStatus.PRECONDITION_FAILED)


def parsed(document: Any, flow: str) -> Flow:
    """A document as the flow of that key; raises UnreadableFlow naming each part that is wrong, and OtherFlow."""
    found = exchange.of_document(document)
    must_be(found, flow)
    return found


def must_be(found: Flow, flow: str) -> None:
    """Raises OtherFlow for a text of another flow than the one it is sent to."""
    if found.flow != flow:
        raise OtherFlow(f"文件是菜单“{found.flow}”，不是“{flow}”", remedy="改正文件中的 flow，或存到该菜单")


def _saved(draft: Draft, verdict: VerdictOut) -> SavedOut:
    return SavedOut(**DraftOut.of(draft).model_dump(), verdict=verdict)


def _played(flow: Flow, body: ToSimulate, world: MenuWorld, now: datetime) -> SimulatedOut:
    case = MenuCase(name="试听", at="", line=body.line, answers=body.answers, expect=ExpectedEnd(at="human"))
    facts = CallFacts(body.line, world.name_of(body.line), frozenset(body.tags), flow.language)
    played = simulate(
        {**world.flows, flow.flow: flow},
        flow.flow,
        facts,
        world.days,
        at=body.at or now,
        caller=Caller(tuple(body.keys), body.ahead),
        world=WorldOfCase(case),
        seconds_of=seconds_with(world.sounds),
    )
    covered = coverage(flow, [played])
    return SimulatedOut(
        at=played.end.at,
        of=played.end.of,
        why=played.end.why,
        seconds=played.seconds,
        human_seconds=played.human_seconds,
        path=[f"{one.flow}.{one.node}: {one.branch}" for one in played.path],
        transcript=[
            StepOut(seconds=one.seconds, flow=one.place.flow, node=one.place.node, what=one.what, text=one.text)
            for one in played.told
        ],
        nodes_left=sorted(covered.nodes_left),
        branches_left=sorted(f"{step.node}: {step.branch}" for step in covered.branches_left),
        asked=AskedOut(
            flow=played.asked.place.flow, node=played.asked.place.node, told=played.asked.told, left=played.asked.left
        )
        if played.asked
        else None,
    )
