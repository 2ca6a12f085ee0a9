"""Rules of variables: none is used where it may have no value yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ivr.flow import AnyNode, Assign, ByAnswer, Collect, Condition, Progress, Return, SubFlow, Web
from ivr.nodes import Kind, Way, texts
from ivr.speech import BadText, variables
from ivr.validation.finding import Remark, Severity
from ivr.validation.subject import Place, Subject
from ivr.variables import BUILT_IN, OUTCOME

Names = frozenset[str]


def used_before_set(subject: Subject) -> Iterator[Remark]:
    """On some way from the entry a variable is used that nothing on that way has set. Sub-flows are walked into: what
    they set is set afterwards, and what they use must be set before; `outcome` is empty until one has come back. Only
    the branch a node goes on by when it went well sets what it finds out: after a timeout or a failure nothing is set.

    In a flow that comes back (`return`) it is a warning, for the flow that calls it may have set the variable; that
    flow's own validation knows, and there it is an error.
    """
    severity = Severity.WARNING if subject.returns else Severity.ERROR
    told: set[tuple[str, str, str]] = set()
    for place, known in _known(subject).items():
        for field, name in _used(subject.paths.nodes[place]):
            if name in known:
                continue
            if not place.by:
                remark = (place.node, field, name)
                where = ""
            else:
                remark = (place.here, "flow", name)
                where = f"子流程的节点“{place}”中"
            if remark not in told:
                told.add(remark)
                yield Remark(
                    place.here,
                    remark[1],
                    f"{where}使用变量“{name}”时，有的路径上它还没有值",
                    "在所有通向这里的路径上先收号或赋值，或去掉这个变量",
                    severity,
                )


def built_in_set(subject: Subject) -> Iterator[Remark]:
    """A flow sets what every call has from the start."""
    for key, node in sorted(subject.flow.nodes.items()):
        for field, name in _set_by(node):
            if name in BUILT_IN:
                yield Remark(key, field, f"“{name}”是系统变量（{BUILT_IN[name]}），不能由流程改写", "换一个变量名")


def _known(subject: Subject) -> dict[Place, Names]:
    """What has a value at every place whichever way it was come to: the intersection over the ways in."""
    paths = subject.paths
    known: dict[Place, Names] = dict.fromkeys(paths.starts, frozenset(BUILT_IN.keys() - {OUTCOME}))
    waiting = deque(paths.starts)
    while waiting:
        place = waiting.popleft()
        for step in paths.steps[place]:
            if step.to is None:
                continue
            here = known[place] | _after(paths.nodes[place], step.way)
            there = known[step.to] & here if step.to in known else here
            if known.get(step.to) != there:
                known[step.to] = there
                waiting.append(step.to)
    return known


def _after(node: AnyNode, way: Way) -> Names:
    """What a node sets where it is left by this way. A sub-flow's outcome is set when it has come back."""
    if isinstance(node, SubFlow | Return):
        return frozenset({OUTCOME}) if way.field == "next" else frozenset()
    return frozenset(name for _, name in _set_by(node)) if way.kind is Kind.NEXT else frozenset()


def _set_by(node: AnyNode) -> list[tuple[str, str]]:
    match node:
        case Collect():
            return [("variable", node.variable)]
        case Assign():
            return [(f"values.{name}", name) for name in node.values]
        case Web():
            return [(f"save.{name}", name) for name in node.save]
    return []


def _used(node: AnyNode) -> list[tuple[str, str]]:
    used: list[tuple[str, str]] = []
    for field, text in texts(node):
        try:
            used += [(field, name) for name, _ in variables(text)]
        except BadText:
            continue
    match node:
        case Progress():
            used += [("number", node.number), ("code", node.code)]
        case Condition():
            used += [
                (f"cases.{index}.when.variable", case.when.variable)
                for index, case in enumerate(node.cases)
                if isinstance(case.when, ByAnswer)
            ]
    return list(dict.fromkeys(used))
