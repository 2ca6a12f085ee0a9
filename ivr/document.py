"""A flow as maps, lists and plain values in one order: what is written to files, and what is compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Any, Final

from pydantic import BaseModel

from ivr.flow import Flow, Menu, Prompt

KINDS: Final = ("type", "test")
"""The fields that say what kind of node or test it is; never left out."""
_TELEPHONE: Final = "1234567890*#"


def document(part: BaseModel) -> dict[str, Any]:
    """A flow, or a part of one, as maps, lists and plain values in their one order: fields as in the model with the
    type first, nodes by name with the entry first, keys as on a telephone; defaults are left out."""
    fields = type(part).model_fields
    order = sorted(fields, key=lambda name: name not in KINDS)
    found: dict[str, Any] = {}
    for name in order:
        value = getattr(part, name)
        if name in KINDS or value != fields[name].get_default(call_default_factory=True):
            found[name] = _ordered(part, name, value)
    return found


def _ordered(part: BaseModel, name: str, value: Any) -> Any:
    if isinstance(part, Flow) and name == "nodes":
        return {key: document(value[key]) for key in sorted(value, key=lambda key: (key != part.entry, key))}
    if isinstance(part, Menu) and name == "options":
        return {key: document(value[key]) for key in sorted(value, key=_TELEPHONE.index)}
    return _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case Prompt(recording=None):
            return value.text
        case BaseModel():
            return document(value)
        case Mapping():
            return {str(key): _plain(value[key]) for key in sorted(value)}
        case tuple():
            return [_plain(one) for one in value]
        case time() if value.second == value.microsecond == 0 and value.tzinfo is None:
            return value.strftime("%H:%M")
        case float() if value.is_integer():
            return int(value)
        case None | bool() | int() | float():
            return value
    return str(value)


# --- to compare -------------------------------------------------------------------------------------------------------

Path = tuple[str, ...]
Tree = dict[str, Any]
_MAPS: Final = ("options", "values", "send", "save")
"""Fields of nodes whose entries are changed one by one."""


def tree(flow: Flow) -> Tree:
    """The document of a flow with its tests by name, so that everything that is changed by itself has a path by
    itself. Lists (tests of a condition, skills) have one as a whole, for their order matters."""
    found = document(flow)
    return {**found, "cases": _by_name(found.get("cases", []))}


def flow_of(found: Tree) -> Flow:
    """The flow of such a tree. Raises ValidationError."""
    return Flow.model_validate({**found, "cases": list(found["cases"].values())})


def holds_parts(path: Path) -> bool:
    """Whether what stands at this path is changed part by part, and not as a whole."""
    match path:
        case () | ("nodes",) | ("cases",) | ("nodes", _):
            return True
        case ("nodes", _, field) | ("nodes", _, field, _):
            return field in _MAPS if len(path) == 3 else field == "options"
    return False


def is_thing(path: Path) -> bool:
    """Whether this is a node or an option: something that is there or is not, beyond its parts."""
    return len(path) in (2, 4) and path[0] == "nodes"


def _by_name(cases: Iterable[Tree]) -> Tree:
    found: Tree = {}
    for case in cases:
        name, number = str(case["name"]), 1
        while name in found:
            number += 1
            name = f"{case['name']} ({number})"
        found[name] = case
    return found
