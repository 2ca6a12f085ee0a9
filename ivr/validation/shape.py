"""Rules of the graph itself: where it begins, that every way leads on, and that it ends."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow import Entry, SubFlow
from ivr.nodes import TYPE_NAMES, Asking, Kind, Last, ways_out
from ivr.validation.finding import Remark
from ivr.validation.graph import loops, reach
from ivr.validation.subject import LARGEST, Place, Subject

_BRANCH_NAMES = {
    Kind.NEXT: "下一步",
    Kind.KEY: "按键去向",
    Kind.CASE: "条件去向",
    Kind.SILENCE: "超时去向",
    Kind.WRONG: "按错去向",
    Kind.FAILURE: "失败去向",
}


def entry_missing(subject: Subject) -> Iterator[Remark]:
    """The flow's entry names no node."""
    flow = subject.flow
    if flow.entry not in flow.nodes:
        yield Remark("", "entry", f"流程的入口“{flow.entry}”不存在", "把入口改为流程中入口节点的编号")


def entry_wrong(subject: Subject) -> Iterator[Remark]:
    """The flow's entry is a node of another type."""
    flow = subject.flow
    node = flow.nodes.get(flow.entry)
    if node is not None and not isinstance(node, Entry):
        yield Remark(
            flow.entry,
            "type",
            f"流程从“{flow.entry}”开始，它是“{TYPE_NAMES[node.type]}”节点，不是入口节点",
            "增加一个入口节点，由它通向这里，并把流程的入口改为它",
        )


def entry_several(subject: Subject) -> Iterator[Remark]:
    """There is an entry besides the one the flow begins with. Where that one is missing, one entry is left."""
    flow = subject.flow
    entries = sorted(key for key, node in flow.nodes.items() if isinstance(node, Entry))
    real = flow.entry if flow.entry in entries else next(iter(entries), "")
    for key in entries:
        if key != real:
            yield Remark(key, "type", f"除“{real}”外还有入口节点“{key}”，只能有一个", "删除多余的入口节点")


def unreachable(subject: Subject) -> Iterator[Remark]:
    """No way from the entry leads here. Entries too many are another rule's matter."""
    for key, node in sorted(subject.flow.nodes.items()):
        if key not in subject.reached and not isinstance(node, Entry):
            yield Remark(key, "", "从入口没有任何路径能到达这个节点", "从其他节点连到它，或删除它")


def dead_end(subject: Subject) -> Iterator[Remark]:
    """A node that neither ends the call nor has any way on."""
    for key, node in sorted(subject.flow.nodes.items()):
        if not isinstance(node, Last) and all(one.to is None for one in ways_out(node)):
            first = ways_out(node)[0].field
            yield Remark(key, first, "流程走到这里就断了：没有任何去向", "指定下一步；要结束通话请接到挂机或转人工队列")


def branch_missing(subject: Subject) -> Iterator[Remark]:
    """Of a node's ways, some are drawn and this one is not (timeout, wrong key, failure, an option's or case's)."""
    for key, node in sorted(subject.flow.nodes.items()):
        ways = ways_out(node)
        if not isinstance(node, Last) and all(one.to is None for one in ways):
            continue
        for one in ways:
            if one.to is None:
                yield Remark(
                    key, one.field, f"没有指定{_BRANCH_NAMES[one.kind]}", "指定它通向哪个节点，通常是转人工队列"
                )


def branch_unknown(subject: Subject) -> Iterator[Remark]:
    """A branch names a node that does not exist."""
    for key, node in sorted(subject.flow.nodes.items()):
        for one in ways_out(node):
            if one.to is not None and one.to not in subject.flow.nodes:
                yield Remark(
                    key, one.field, f"{_BRANCH_NAMES[one.kind]}是“{one.to}”，流程中没有这个节点", "改为存在的节点编号"
                )


def loop_unheard(subject: Subject) -> Iterator[Remark]:
    """A loop in which the citizen is never asked: none of its nodes is a menu or a collection, so no key ends it.
    Reported at its first node by id; a loop that goes through sub-flows at the sub-flow's node."""
    paths = subject.paths
    unheard = [place for place, node in paths.nodes.items() if not isinstance(node, Asking)]

    def following(place: Place) -> list[Place]:
        return [to for to in paths.following(place) if not isinstance(paths.nodes[to], Asking)]

    for key, names in sorted(_by_first(loops(unheard, following)).items()):
        yield Remark(
            key,
            "",
            f"“{names}”循环往复，其中没有菜单或收号，群众按什么键都出不来",
            "让其中一步通向菜单或转人工队列",
        )


def loop_endless(subject: Subject) -> Iterator[Remark]:
    """A loop that nothing drawn leads out of: from none of its nodes can a node be come to that ends the flow. (`0`
    still reaches a human, but only for who knows it.) Loops that never ask are `loop.unheard`. A way that nobody drew
    is taken for a way out, for it has a finding of its own."""
    paths = subject.paths
    for group in loops(paths.nodes, paths.following):
        ahead = reach(group, paths.following)
        ends = any(
            isinstance(paths.nodes[place], Last) or any(step.to is None for step in paths.steps[place])
            for place in ahead
        )
        if ends or len(ahead) > len(group) or not any(isinstance(paths.nodes[place], Asking) for place in group):
            continue
        for key, names in _by_first([group]).items():
            yield Remark(
                key,
                "",
                f"进入“{names}”后再也走不出去：没有一条去向通向流程的终点",
                "为其中的菜单增加通向转人工队列、挂机等终点的去向",
            )


def recursion(subject: Subject) -> Iterator[Remark]:
    """A sub-flow's node that leads, by itself or through published flows, back into this flow."""
    own = subject.flow.flow
    flows = {**subject.world.flows, own: subject.flow}

    def called(key: str) -> list[str]:
        return [node.flow for node in flows[key].nodes.values() if isinstance(node, SubFlow) and node.flow in flows]

    inside_loops = {key for group in loops(sorted(flows), called) for key in group}
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, SubFlow) and node.flow in flows:
            ahead = reach([node.flow], called)
            if own in ahead:
                yield Remark(key, "flow", f"子流程“{node.flow}”又会回到本流程，没有尽头", "去掉其中一处调用")
            elif inside := sorted(inside_loops & ahead.keys()):
                yield Remark(key, "flow", f"子流程“{node.flow}”中“{inside[0]}”会回到自身", "先修改那个流程并发布")


def too_large(subject: Subject) -> Iterator[Remark]:
    """With its sub-flows the flow has more places than can be judged."""
    if (place := subject.paths.too_large) is not None:
        yield Remark(place.here, "flow", f"连同子流程超过 {LARGEST} 个步骤，无法逐一检查", "减少子流程的层数或重复调用")


def _by_first(groups: list[list[Place]]) -> dict[str, str]:
    """Loops by their first node of this flow, with the names of all of it; the same loop inside a sub-flow that is
    called at several places is one."""
    found: dict[str, str] = {}
    for group in groups:
        here = sorted({place.here for place in group})
        found.setdefault(here[0], "、".join(here))
    return found
