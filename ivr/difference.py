"""What is different between two texts of a flow, in the words of who edits flows: not lines, but nodes, branches, keys,
prompts and cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ivr.document import Path, Tree, holds_parts, is_thing, tree
from ivr.flow import Flow
from ivr.nodes import TYPE_NAMES


class ChangeKind(StrEnum):
    """What kind of change it is."""

    FLOW = "flow"
    """Name, language or entry of the flow."""
    NODE_ADDED = "node_added"
    NODE_REMOVED = "node_removed"
    NODE_REPLACED = "node_replaced"
    """A node of another type under the same id."""
    BRANCH = "branch"
    """A way leads elsewhere, or was drawn, or is not drawn any more."""
    KEY_ADDED = "key_added"
    KEY_REMOVED = "key_removed"
    KEY_LABEL = "key_label"
    PROMPT = "prompt"
    FIELD = "field"
    """Any other field of a node."""
    CASE_ADDED = "case_added"
    CASE_REMOVED = "case_removed"
    CASE_CHANGED = "case_changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `before` and `after` are parts of documents; None: nothing there, or what the field is by default.
    `words` says it all in Chinese."""

    kind: ChangeKind
    node: str
    field: str
    before: Any
    after: Any
    words: str


def changes(before: Flow | None, after: Flow) -> list[Change]:
    """What was changed from one text to the next, of the flow first, then by node, then of its cases. Equal flows give
    nothing; without `before` everything was added."""
    old: Tree = tree(before) if before is not None else {"nodes": {}, "cases": {}}
    return [_change(*one) for one in _different((), old, tree(after))]


def _different(path: Path, before: Any, after: Any) -> Iterator[tuple[Path, Any, Any]]:
    """The smallest parts that differ, in order. A condition's cases are taken one by one while they are as many."""
    if before == after:
        return
    parted = _parts(path, before, after)
    if parted is None:
        yield path, before, after
        return
    for key in sorted(parted, key=_order):
        yield from _different((*path, key), parted[key][0], parted[key][1])


def _parts(path: Path, before: Any, after: Any) -> dict[str, tuple[Any, Any]] | None:
    if len(path) == 3 and path[2] == "cases" and isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return None
        return {str(number): pair for number, pair in enumerate(zip(before, after, strict=True))}
    is_case = len(path) == 4 and path[2] == "cases"
    if not (holds_parts(path) or is_case) or (is_thing(path) and not (before and after)):
        return None
    if len(path) == 2 and path[0] == "nodes" and before["type"] != after["type"]:
        return None
    old, new = before or {}, after or {}
    return {key: (old.get(key), new.get(key)) for key in {**old, **new}}


def _order(key: str) -> tuple[int, str]:
    """The flow's own fields before its nodes, and these before its cases; everything else by name."""
    return ({"nodes": 1, "cases": 2}.get(key, 0), key.zfill(3) if key.isdecimal() else key)


# --- in words ---------------------------------------------------------------------------------------------------------

_FIELDS: Final[Mapping[str, str]] = {
    "name": "名称",
    "language": "语言",
    "entry": "入口",
    "note": "备注",
    "prompt": "提示音",
    "wrong": "按错提示",
    "must_be_heard": "必须听完",
    "seconds": "等待秒数",
    "between_seconds": "按键间隔秒数",
    "attempts": "次数",
    "variable": "变量",
    "min_digits": "最少位数",
    "max_digits": "最多位数",
    "finish": "结束键",
    "options": "选项",
    "cases": "条件",
    "when": "条件",
    "values": "变量",
    "queue": "队列",
    "skills": "技能",
    "target": "转接对象",
    "number": "号码",
    "code": "查询码变量",
    "flow": "子流程",
    "outcome": "返回结果",
    "url": "地址",
    "method": "请求方式",
    "send": "发送内容",
    "save": "保存内容",
    "next": "下一步",
    "otherwise": "其余去向",
    "on_timeout": "超时去向",
    "on_wrong": "按错去向",
    "on_failure": "失败去向",
}
_BRANCHES: Final = frozenset({"next", "otherwise", "on_timeout", "on_wrong", "on_failure"})
_PROMPTS: Final = frozenset({"prompt", "wrong"})


def _change(path: Path, before: Any, after: Any) -> Change:
    if path[0] == "cases":
        return _of_case(path[-1], before, after)
    if path[0] != "nodes":
        name = "编号" if path[0] == "flow" else _FIELDS.get(path[0], path[0])
        words = f"流程的{name}{_from_to(before, after)}"
        return Change(ChangeKind.FLOW, "", path[0], before, after, words)
    node = path[1]
    if len(path) == 2:
        return _of_node(node, before, after)
    field = ".".join(path[2:])
    kind, words = _of_field(path[2:], before, after)
    return Change(kind, node, field, before, after, f"节点“{node}”{words}")


def _of_node(node: str, before: Any, after: Any) -> Change:
    if before is None:
        words = f"增加节点“{node}”（{TYPE_NAMES[after['type']]}）"
        return Change(ChangeKind.NODE_ADDED, node, "", None, after, words)
    if after is None:
        words = f"删除节点“{node}”（{TYPE_NAMES[before['type']]}）"
        return Change(ChangeKind.NODE_REMOVED, node, "", before, None, words)
    words = f"节点“{node}”由“{TYPE_NAMES[before['type']]}”改为“{TYPE_NAMES[after['type']]}”"
    return Change(ChangeKind.NODE_REPLACED, node, "", before, after, words)


def _of_field(path: Path, before: Any, after: Any) -> tuple[ChangeKind, str]:
    name = _FIELDS.get(path[-1], path[-1])
    match path:
        case ("options", key):
            if before is None:
                return ChangeKind.KEY_ADDED, f"增加按键 {key}“{after['label']}”，通向{_shown(after.get('next'))}"
            return ChangeKind.KEY_REMOVED, f"删除按键 {key}“{before['label']}”"
        case ("options", key, "label"):
            return ChangeKind.KEY_LABEL, f"按键 {key} 的含义{_from_to(before, after)}"
        case ("options", key, _):
            return ChangeKind.BRANCH, f"按键 {key} 的去向{_from_to(before, after)}"
        case ("cases", number, "next"):
            return ChangeKind.BRANCH, f"第 {int(number) + 1} 个条件的去向{_from_to(before, after)}"
        case ("cases", number, _):
            return ChangeKind.FIELD, f"第 {int(number) + 1} 个条件{_from_to(before, after)}"
        case ("values" | "send" | "save", entry):
            return ChangeKind.FIELD, f"{_FIELDS[path[0]]}“{entry}”{_from_to(before, after)}"
        case (field,) if field in _BRANCHES:
            return ChangeKind.BRANCH, f"的{name}{_from_to(before, after)}"
        case (field,) if field in _PROMPTS:
            return ChangeKind.PROMPT, f"的{name}{_from_to(before, after)}"
    return ChangeKind.FIELD, f"的{name}{_from_to(before, after)}"


def _of_case(name: str, before: Any, after: Any) -> Change:
    if before is None:
        return Change(ChangeKind.CASE_ADDED, "", f"cases.{name}", None, after, f"增加用例“{name}”")
    if after is None:
        return Change(ChangeKind.CASE_REMOVED, "", f"cases.{name}", before, None, f"删除用例“{name}”")
    return Change(ChangeKind.CASE_CHANGED, "", f"cases.{name}", before, after, f"修改用例“{name}”")


def _from_to(before: Any, after: Any) -> str:
    if before is None:
        return f"设为{_shown(after)}"
    if after is None:
        return f"由{_shown(before)}改为默认或不设"
    return f"由{_shown(before)}改为{_shown(after)}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "不设"
        case bool():
            return "是" if value else "否"
        case str():
            return f"“{value}”"
        case {"recording": code}:
            return f"录音“{code}”"
        case dict():
            return "“" + "，".join(f"{key}: {_bare(one)}" for key, one in value.items()) + "”"
        case list():
            return f"“{'；'.join(map(_bare, value))}”"
    return str(value)


def _bare(value: Any) -> str:
    return _shown(value).strip("“”")
