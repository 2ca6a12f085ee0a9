"""Queues, groups and openings as a TOML file: a line for each fact, in a fixed order, so that changes can be read."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from acd.needs import Need
from acd.queue_tables import SkillKind
from acd.queues import Overflow, OverflowAction, QueueRule, QueueStep, TieBreak
from acd.skills import SkillGroup
from hotline.errors import InvalidInput

_HEAD = """\
# Queues (队列), skill groups (技能组) and opening hours of queues, as `hotline queues export` writes them.
# A step: from after_ms on, agents who meet any of the needs; a need is skills with their lowest level, 1 to 9.
"""
_NUMBERS = ("wrap_up_ms", "wrap_up_max_ms", "affinity_ms", "max_waiting", "max_wait_ms", "service_level_ms")
_RULE = {field.name for field in fields(QueueRule)} - {"queue"} | {"opening"}


@dataclass(frozen=True, slots=True)
class OpeningLine:
    """A queue's hours: the schedule's name, and the queue that takes its calls while it is closed; "": none."""

    schedule: str
    closed_queue: str = ""


@dataclass(frozen=True, slots=True)
class QueueFile:
    """What such a file holds."""

    rules: Mapping[str, QueueRule] = field(default_factory=dict)
    groups: Mapping[str, SkillGroup] = field(default_factory=dict)
    openings: Mapping[str, OpeningLine] = field(default_factory=dict)


def write(content: QueueFile) -> str:
    """The file's text; `read` gives an equal value back."""
    parts = [_HEAD]
    for group in sorted(content.groups.values(), key=lambda one: one.group):
        parts.append(f"\n[groups.{group.group}]\nname = {_text(group.name)}\nkind = {_text(group.kind)}\n")
    for queue in sorted(content.rules.keys() | content.openings.keys()):
        rule, hours = content.rules.get(queue), content.openings.get(queue)
        if rule is not None:
            parts.append(_written(rule))
        if hours is not None:
            parts.append(f"\n[queues.{queue}.opening]\nschedule = {_text(hours.schedule)}\n")
            parts.append(f"closed_queue = {_text(hours.closed_queue)}\n")
    return "".join(parts)


def read(text: str) -> QueueFile:
    """What a file says; raises InvalidInput naming the queue or group that cannot be read."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"not TOML: {error}") from None
    _only(data, {"groups", "queues"}, "the file")
    rules, groups, openings = {}, {}, {}
    for name, told in _tables(data, "groups"):
        where = f"group {name}"
        _only(told, {"name", "kind"}, where)
        groups[name] = SkillGroup(name, _of(told, "name", str, where), _kind(_of(told, "kind", str, where), where))
    for name, told in _tables(data, "queues"):
        where = f"queue {name}"
        _only(told, _RULE, where)
        if "opening" in told:
            hours = _of(told, "opening", dict, where)
            _only(hours, {"schedule", "closed_queue"}, where)
            openings[name] = OpeningLine(
                _of(hours, "schedule", str, where), _of({"closed_queue": ""} | hours, "closed_queue", str, where)
            )
        if told.keys() - {"opening"}:
            rules[name] = _rule(name, told, where)
    return QueueFile(rules, groups, openings)


def _written(rule: QueueRule) -> str:
    lines = [f"\n[queues.{rule.queue}]", f"name = {_text(rule.name)}", "steps = ["]
    for step in rule.steps:
        needs = ", ".join(_text(need.text) for need in step.needs)
        lines.append(f"  {{ after_ms = {step.after_ms}, needs = [{needs}] }},")
    lines += ["]", f"tie_break = {_text(rule.tie_break)}"]
    lines += [f"{key} = {value}" for key in _NUMBERS if (value := getattr(rule, key)) is not None]
    for key, overflow in (("when_full", rule.when_full), ("when_late", rule.when_late)):
        into = f", queue = {_text(overflow.queue)}" if overflow.queue else ""
        lines.append(f"{key} = {{ action = {_text(overflow.action)}{into} }}")
    return "\n".join(lines) + "\n"


def _rule(name: str, told: Mapping[str, Any], where: str) -> QueueRule:
    limits = {key: _of(told, key, int, where) for key in _NUMBERS if key in told}
    try:
        return QueueRule(
            queue=name,
            name=_of(told, "name", str, where),
            steps=tuple(_step(step, where) for step in _of(told, "steps", list, where)),
            tie_break=TieBreak(told.get("tie_break", TieBreak.LONGEST_IDLE)),
            when_full=_overflow(told.get("when_full", {}), where),
            when_late=_overflow(told.get("when_late", {}), where),
            **limits,
        )
    except (ValueError, InvalidInput) as error:
        raise InvalidInput(f"{where}: {error}") from None


def _step(told: Any, where: str) -> QueueStep:
    if not isinstance(told, dict):
        raise InvalidInput(f"{where}: a step is {{ after_ms = ..., needs = [...] }}")
    _only(told, {"after_ms", "needs"}, where)
    needs = _of(told, "needs", list, where)
    if not all(isinstance(need, str) for need in needs):
        raise InvalidInput(f"{where}: a need is a text")
    return QueueStep(_of(told, "after_ms", int, where), tuple(Need.parse(need) for need in needs))


def _overflow(told: Any, where: str) -> Overflow:
    if not isinstance(told, dict):
        raise InvalidInput(f"{where}: an overflow is {{ action = ..., queue = ... }}")
    _only(told, {"action", "queue"}, where)
    return Overflow(
        OverflowAction(told.get("action", OverflowAction.WAIT_ON)), _of({"queue": ""} | told, "queue", str, where)
    )


def _kind(text: str, where: str) -> SkillKind:
    try:
        return SkillKind(text)
    except ValueError:
        raise InvalidInput(f"{where}: kind is one of {', '.join(SkillKind)}") from None


def _tables(data: Mapping[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    tables = data.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise InvalidInput(f"{key} are tables: [{key}.<name>]")
    return list(tables.items())


def _of(told: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = told.get(key)
    if type(value) is not kind:
        raise InvalidInput(f"{where}: {key} is missing or not of its kind")
    return value


def _only(told: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(told.keys() - known):
        raise InvalidInput(f"{where}: nobody knows {', '.join(unknown)}")


def _text(value: str) -> str:
    # TOML's basic strings are JSON's, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
