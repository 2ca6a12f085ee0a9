"""Menus as texts: files to read and to keep, their grammar, what changed between two, and two people's texts as one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ivr import drafts, exchange
from ivr.difference import Change, changes
from ivr.drafts import Clash
from ivr.flow import Flow
from ivr.layout import layout
from ivr.merging import Merge, Side, merge
from ivr.releases import text_of
from web.access import CurrentActor, Transaction, roles
from web.administration import Administration
from web.conditional import Expected, tag
from web.menu_schemas import DraftOut, Key, RecordId, SavedOut
from web.problems import DOCUMENTED
from web.routes.menus import READERS, keep_draft, must_be

router = APIRouter(prefix="/api/menus", tags=["menus"], responses=DOCUMENTED)

_YAML = "application/yaml"
_AS_YAML: dict[int | str, dict[str, Any]] = {200: {"content": {_YAML: {"schema": {"type": "string"}}}}}
_BODY = {"requestBody": {"required": True, "content": {_YAML: {"schema": {"type": "string"}}}}}

Version = Annotated[int | None, Query(ge=1, lt=2**31, description="A version; none: the draft.")]


class ChangeOut(BaseModel):
    """A change between two texts, in words (Chinese) and by its place."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    node: str
    field: str
    before: Any
    after: Any
    words: str


class SpotOut(BaseModel):
    """A node's place: column from the left and row from the top, both from 0."""

    model_config = ConfigDict(from_attributes=True)

    column: int
    row: int


class WayOut(BaseModel):
    """A way from a node's field to another node; `back`: it does not lead right."""

    model_config = ConfigDict(from_attributes=True)

    node: str
    field: str
    to: str
    back: bool


class LayoutOut(BaseModel):
    """Everything that is drawn of a flow."""

    model_config = ConfigDict(from_attributes=True)

    spots: dict[str, SpotOut]
    lines: list[WayOut]


class ConflictOut(BaseModel):
    """A place that both changed. `sides` has base, mine and theirs, as far as there is something."""

    at: str
    sides: dict[str, Any]


class MergeOut(BaseModel):
    """Two texts put together. `document` is there when nothing is left to decide; save it over `theirs.revision`."""

    base: Any
    mine: Any
    theirs: DraftOut
    my_changes: list[ChangeOut]
    their_changes: list[ChangeOut]
    conflicts: list[ConflictOut]
    document: Any


class ChoicesIn(BaseModel):
    """Whose text is taken, by the conflict's place."""

    model_config = ConfigDict(extra="forbid")

    choices: dict[str, Side] = Field(default={}, max_length=1000)


@router.get("/schema", dependencies=[roles(*READERS)])
async def schema() -> dict[str, Any]:
    """The grammar of menus' files as JSON Schema (2020-12), for editors that check while one types."""
    return exchange.schema()


@router.get("/flows/{flow}/yaml", dependencies=[roles(*READERS)], response_class=Response, responses=_AS_YAML)
async def export(flow: Key, session: Transaction, version: Version = None) -> Response:
    """A version, or the draft with its revision as ETag, as a file."""
    headers = {"Content-Disposition": f'attachment; filename="{flow}.yaml"'}
    if version is None:
        draft = await drafts.draft(session, flow)
        return Response(exchange.write(draft.flow), media_type=_YAML, headers={**headers, "ETag": tag(draft.revision)})
    return Response(exchange.write(await _text(session, flow, version)), media_type=_YAML, headers=headers)


@router.put("/flows/{flow}/yaml", dependencies=[roles(Role.ADMIN)], response_model=SavedOut, openapi_extra=_BODY)
async def import_file(flow: Key, request: Request, expected: Expected, change: Administration) -> SavedOut | Response:
    """Save a file as the draft, over the revision that was read; everything else as when a document is saved."""
    wanted = exchange.read(await request.body())
    must_be(wanted, flow)
    return await keep_draft(change, flow, wanted, expected.version(None))


@router.get("/flows/{flow}/difference", dependencies=[roles(*READERS)])
async def difference(
    flow: Key,
    session: Transaction,
    before: Annotated[int | None, Query(ge=0, lt=2**31, description="A version; 0: nothing; none: the draft.")] = 0,
    after: Version = None,
) -> list[ChangeOut]:
    """What changed from one version to another, or to the draft: nodes, ways, keys, prompts and cases."""
    old = None if before == 0 else await _text(session, flow, before)
    return _told(changes(old, await _text(session, flow, after)))


@router.get("/flows/{flow}/layout", dependencies=[roles(*READERS)])
async def drawn(flow: Key, session: Transaction, version: Version = None) -> LayoutOut:
    """Where the nodes of a version, or of the draft, are drawn: computed, and stored nowhere."""
    return LayoutOut.model_validate(layout(await _text(session, flow, version)))


@router.post("/flows/{flow}/stashes/{stash}/merge", dependencies=[roles(Role.ADMIN)])
async def merged(flow: Key, stash: RecordId, body: ChoicesIn, session: Transaction, actor: CurrentActor) -> MergeOut:
    """A text of one's own that came too late, put together with the draft as it is now. Nothing is saved by it."""
    clash = await drafts.clash(session, flow, actor.user, stash)
    return _view(clash, merge(clash.base, clash.mine, clash.theirs.flow, body.choices))


def _view(clash: Clash, found: Merge) -> MergeOut:
    return MergeOut(
        base=clash.base.model_dump(mode="json") if clash.base else None,
        mine=clash.mine.model_dump(mode="json"),
        theirs=DraftOut.of(clash.theirs),
        my_changes=_told(changes(clash.base, clash.mine)),
        their_changes=_told(changes(clash.base, clash.theirs.flow)),
        conflicts=[
            ConflictOut(at=one.at, sides={side.value: part for side, part in one.sides.items()})
            for one in found.conflicts
        ],
        document=found.flow.model_dump(mode="json") if found.flow else None,
    )


def _told(found: list[Change]) -> list[ChangeOut]:
    return [ChangeOut.model_validate(one) for one in found]


async def _text(session: AsyncSession, flow: str, version: int | None) -> Flow:
    if version is None:
        return (await drafts.draft(session, flow)).flow
    return await text_of(session, flow, version)
