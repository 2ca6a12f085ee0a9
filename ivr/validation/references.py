"""Rules of what a flow names by its code: it exists."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow import (
    ByCalendar,
    ByHours,
    ByLine,
    ByQueue,
    Condition,
    Knowledge,
    Queue,
    SubFlow,
    Transfer,
    Web,
)
from ivr.validation.finding import Remark
from ivr.validation.subject import Subject


def queue_unknown(subject: Subject) -> Iterator[Remark]:
    """A queue's node, or a test of a queue, names none of the line's queues."""
    named = [
        (key, "queue", node.queue)
        for key, node in subject.flow.nodes.items()
        if isinstance(node, Queue) and node.queue is not None
    ]
    named += [(key, f"{field}.queue", test.queue) for key, field, test in _tests(subject) if isinstance(test, ByQueue)]
    for key, field, queue in sorted(named):
        if queue not in subject.world.queues:
            yield Remark(key, field, f"没有编号为“{queue}”的队列", "改为已有的队列，或先建立这个队列")


def skill_unknown(subject: Subject) -> Iterator[Remark]:
    """A call asks for a skill that no skill group has."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Queue):
            for index, need in enumerate(node.skills):
                if need.skill not in subject.world.skills:
                    yield Remark(
                        key, f"skills.{index}", f"没有编号为“{need.skill}”的技能", "改为已有的技能，否则没有座席能接"
                    )


def line_unknown(subject: Subject) -> Iterator[Remark]:
    """A condition names a number that is none of the city's lines."""
    for key, field, test in _tests(subject):
        if isinstance(test, ByLine):
            for line in test.lines:
                if line not in subject.world.lines:
                    yield Remark(key, f"{field}.lines", f"号码“{line}”不是本市的热线", "改为目录中的热线号码")


def case_line_unknown(subject: Subject) -> Iterator[Remark]:
    """A test case calls a number that is none of the city's lines; it would test what nobody can do."""
    for index, case in enumerate(subject.flow.cases):
        if case.line not in subject.world.lines:
            yield Remark(
                "",
                f"cases.{index}.line",
                f"测试用例“{case.name}”拨打的“{case.line}”不是本市的热线",
                "改为目录中的热线号码",
            )


def target_unknown(subject: Subject) -> Iterator[Remark]:
    """A transfer goes to nobody of the directory."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Transfer) and not {node.target, f"line:{node.target}"} & set(subject.world.targets):
            yield Remark(key, "target", f"目录中没有转接对象“{node.target}”", "改为目录中的转接对象")


def knowledge_unknown(subject: Subject) -> Iterator[Remark]:
    """An entry that the knowledge base does not have, or does not say to citizens."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Knowledge) and node.entry not in subject.world.knowledge:
            yield Remark(key, "entry", f"知识库中没有可播报的条目“{node.entry}”", "改为已有的条目，或先发布这个条目")


def hours_unknown(subject: Subject) -> Iterator[Remark]:
    """Opening hours nobody entered: they count as always closed."""
    for key, field, test in _tests(subject):
        if isinstance(test, ByHours) and test.of not in subject.world.hours:
            yield Remark(
                key, f"{field}.of", f"没有名为“{test.of}”的服务时间", "改为已有的服务时间；不存在的一律按关闭处理"
            )


def flow_unknown(subject: Subject) -> Iterator[Remark]:
    """A sub-flow that is not published. A flow that calls itself is `subflow.recursion`."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, SubFlow) and node.flow not in {*subject.world.flows, subject.flow.flow}:
            yield Remark(key, "flow", f"子流程“{node.flow}”不存在或尚未发布", "先发布那个流程，或改为已发布的流程")


def dates_reversed(subject: Subject) -> Iterator[Remark]:
    """A range of days that ends before it begins is never."""
    for key, field, test in _tests(subject):
        if isinstance(test, ByCalendar) and test.first > test.last:
            yield Remark(
                key, f"{field}.last", f"从 {test.first} 到 {test.last} 没有任何一天，条件永远不成立", "把起止日期对调"
            )


def request_unprotected(subject: Subject) -> Iterator[Remark]:
    """A request that others on the way can read."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Web) and node.url.scheme != "https":
            yield Remark(key, "url", "请求不经加密，途中可被读取", "改用 https 地址")


def _tests(subject: Subject) -> list[tuple[str, str, object]]:
    return [
        (key, f"cases.{index}.when", case.when)
        for key, node in sorted(subject.flow.nodes.items())
        if isinstance(node, Condition)
        for index, case in enumerate(node.cases)
    ]
