"""Flows for tests, and their sounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ivr.flow import Flow, Prompt
from ivr.published import Pinned
from ivr.speech import fixed
from media.spoken import recording_key, text_key
from tests.calls.line import CallLine


def flow(entry: str = "top", *, key: str = "main", **nodes: dict[str, Any]) -> Flow:
    """A flow of these nodes."""
    return Flow.model_validate({"flow": key, "name": key, "entry": entry, "nodes": nodes})


def pinned(*flows: Flow, version: int = 1) -> Pinned:
    """The first one, with the others that it leads into."""
    return Pinned(flows[0].flow, {one.flow: version for one in flows}, {one.flow: one for one in flows})


TWO_KEYS = flow(
    top={
        "type": "menu",
        "prompt": "办事请按一",
        "options": {"1": {"label": "社保", "next": "social"}, "2": {"label": "其他", "next": "people"}},
        "seconds": 1,
        "wrong": "按键无效",
        "on_timeout": "people",
        "on_wrong": "people",
    },
    social={
        "type": "menu",
        "prompt": "社保专家请按一",
        "options": {"1": {"label": "专家", "next": "experts"}},
        "seconds": 1,
        "on_timeout": "people",
        "on_wrong": "people",
    },
    experts={"type": "queue", "queue": "expert-12333"},
    people={"type": "queue"},
)


def prompts(of: Flow) -> Iterator[Prompt]:
    for node in of.nodes.values():
        for name in ("prompt", "wrong"):
            if isinstance(found := getattr(node, name, None), Prompt):
                yield found


def render(line: CallLine, of: Flow) -> None:
    """Every sound of a flow, on the disk of the host."""
    folder = line.folder / "sounds" / "menus"
    folder.mkdir(parents=True, exist_ok=True)
    for prompt in prompts(of):
        keys = [text_key(words) for words in fixed(prompt.text)]
        if prompt.recording is not None:
            keys = [recording_key(prompt.recording)]
        for key in keys:
            (folder / f"{key}.alaw").write_bytes(b"\xd5" * 800)


def install(line: CallLine, *flows: Flow, dialled: str = "12300", version: int = 1) -> Pinned:
    """In force for a line, and as a flow of its own; with its sounds."""
    for one in flows:
        render(line, one)
    found = pinned(*flows, version=version)
    line.menus.by_line[dialled] = line.menus.by_flow[flows[0].flow] = found
    return found
