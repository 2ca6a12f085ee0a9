"""Which fixed texts and recordings flows say, and where: for having them spoken, and for who wants to change one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.flow import Assign, Flow
from ivr.nodes import prompts
from ivr.speech import BadText, Form, fixed, variables
from ivr.tables import MenuRevisionRow, MenuVersionRow
from ivr.variables import LINE_NAME


@dataclass(frozen=True, slots=True)
class Wording:
    """What a flow says: the nodes at which it says it, by fixed text and by recording."""

    texts: Mapping[str, Sequence[str]]
    recordings: Mapping[str, Sequence[str]]
    names_lines: bool
    """It says the spoken name of the line that was dialled."""


@dataclass(frozen=True, slots=True)
class Use:
    """A flow that says something: at which nodes of its draft, and at which of each published version."""

    flow: str
    name: str
    draft: Sequence[str] = ()
    versions: Mapping[int, Sequence[str]] = field(default_factory=dict)


def wording(flow: Flow) -> Wording:
    """What a flow says. A text that cannot be read is left out; the validation finds it."""
    in_words = set(_in_words(flow))
    texts: dict[str, list[str]] = defaultdict(list)
    recordings: dict[str, list[str]] = defaultdict(list)
    for key, node in flow.nodes.items():
        said = []
        for _, prompt in prompts(node):
            if prompt.recording is None:
                said.append(prompt.text)
            elif key not in recordings[prompt.recording]:
                recordings[prompt.recording].append(key)
        if isinstance(node, Assign):
            # A value that is digits is spelled from parts.
            said += [text for name, text in node.values.items() if name in in_words and not text.strip().isdecimal()]
        for piece in (piece for text in said for piece in _fixed(text)):
            if key not in texts[piece]:
                texts[piece].append(key)
    return Wording(dict(texts), dict(recordings), LINE_NAME in in_words)


async def uses_of_text(session: AsyncSession, text: str) -> list[Use]:
    """The flows that say this fixed text, by their key."""
    return await _uses(session, lambda one: one.texts.get(text.strip(), ()))


async def uses_of_recording(session: AsyncSession, code: str) -> list[Use]:
    """The flows that play this recording, by their key."""
    return await _uses(session, lambda one: one.recordings.get(code, ()))


async def _uses(session: AsyncSession, nodes_of: Callable[[Wording], Sequence[str]]) -> list[Use]:
    found: dict[str, Use] = {}
    for flow, version in await _documents(session):
        nodes = tuple(nodes_of(wording(flow)))
        if not nodes:
            continue
        use = found.get(flow.flow, Use(flow.flow, flow.name))
        found[flow.flow] = (
            replace(use, draft=nodes) if version is None else replace(use, versions={**use.versions, version: nodes})
        )
    return sorted(found.values(), key=lambda use: use.flow)


async def _documents(session: AsyncSession) -> list[tuple[Flow, int | None]]:
    """Newest drafts, with no version, and all that was ever published: a rollback may bring any of it back."""
    newest = (
        select(MenuRevisionRow.flow, func.max(MenuRevisionRow.revision).label("revision"))
        .group_by(MenuRevisionRow.flow)
        .subquery()
    )
    drafts = select(MenuRevisionRow.document).join(
        newest, (newest.c.flow == MenuRevisionRow.flow) & (newest.c.revision == MenuRevisionRow.revision)
    )
    published = select(MenuVersionRow.document, MenuVersionRow.version).order_by(
        MenuVersionRow.flow, MenuVersionRow.version
    )
    rows: list[tuple[Any, int | None]] = [(document, None) for document in await session.scalars(drafts)]
    rows += [(document, version) for document, version in await session.execute(published)]
    return await asyncio.to_thread(lambda: [(Flow.model_validate(document), version) for document, version in rows])


def _fixed(text: str) -> list[str]:
    try:
        return fixed(text)
    except BadText:
        return []


def _in_words(flow: Flow) -> Iterator[str]:
    """The variables that are said in words."""
    for node in flow.nodes.values():
        for _, prompt in prompts(node):
            if prompt.recording is None:
                try:
                    yield from (name for name, form in variables(prompt.text) if form is Form.WORDS)
                except BadText:
                    continue
