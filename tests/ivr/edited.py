"""Edits of flows at random, as people make them: another text, another way, a key more, a node less."""

from __future__ import annotations

from random import Random
from typing import Any

from ivr.document import flow_of, tree
from ivr.flow import Flow


def edited(flow: Flow, random: Random, edits: int) -> Flow:
    """The flow after so many edits; each takes what is there, so later ones may undo earlier ones."""
    found = tree(flow)
    for _ in range(edits):
        random.choice([_say_else, _lead_elsewhere, _key, _add, _remove, _rename, _case])(found, random)
    return flow_of(found)


def _some(found: dict[str, Any], random: Random, *types: str) -> dict[str, Any] | None:
    nodes = [node for _, node in sorted(found["nodes"].items()) if not types or node["type"] in types]
    return random.choice(nodes) if nodes else None


def _say_else(found: dict[str, Any], random: Random) -> None:
    if node := _some(found, random, "say", "menu", "collect"):
        node["prompt"] = random.choice(["您好", "请稍候", "再见"])


def _lead_elsewhere(found: dict[str, Any], random: Random) -> None:
    if node := _some(found, random, "say", "menu", "collect", "entry"):
        node["next" if node["type"] in ("say", "entry") else "on_wrong"] = random.choice(sorted(found["nodes"]))


def _key(found: dict[str, Any], random: Random) -> None:
    if node := _some(found, random, "menu"):
        key = random.choice("123")
        if key in node["options"] and len(node["options"]) > 1 and random.random() < 0.5:
            del node["options"][key]
        else:
            node["options"][key] = {"label": random.choice("甲乙"), "next": random.choice(sorted(found["nodes"]))}


def _add(found: dict[str, Any], random: Random) -> None:
    found["nodes"][f"new_{random.randint(1, 3)}"] = random.choice(
        [{"type": "queue"}, {"type": "hangup"}, {"type": "say", "prompt": random.choice(["您好", "再见"])}]
    )


def _remove(found: dict[str, Any], random: Random) -> None:
    if len(found["nodes"]) > 1:
        del found["nodes"][random.choice(sorted(found["nodes"]))]


def _rename(found: dict[str, Any], random: Random) -> None:
    found["name"] = random.choice(["甲", "乙", "丙"])


def _case(found: dict[str, Any], random: Random) -> None:
    name = random.choice(["一", "二"])
    if found["cases"].pop(name, None) is None or random.random() < 0.5:
        expect = {"at": random.choice(["human", "queue"])}
        found["cases"][name] = {"name": name, "at": "2026-11-23T12:00:00", "line": "12345", "expect": expect}
