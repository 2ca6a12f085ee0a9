"""The rules, each under its code, and what they find."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ivr.flow import Flow
from ivr.validation import human, keys, references, shape, spoken, values
from ivr.validation.finding import Finding, Rule, Severity
from ivr.validation.subject import Subject
from ivr.validation.world import World

RULES: Final[tuple[Rule, ...]] = (
    Rule("entry.missing", "入口不存在", shape.entry_missing),
    Rule("entry.wrong", "入口不是入口节点", shape.entry_wrong),
    Rule("entry.several", "入口不止一个", shape.entry_several),
    Rule("node.unreachable", "节点到达不了", shape.unreachable),
    Rule("node.dead_end", "节点没有去向", shape.dead_end),
    Rule("branch.missing", "缺少去向", shape.branch_missing),
    Rule("branch.unknown", "去向不存在", shape.branch_unknown),
    Rule("loop.unheard", "循环中听不到按键", shape.loop_unheard),
    Rule("loop.endless", "循环没有出口", shape.loop_endless),
    Rule("subflow.recursion", "子流程回到自身", shape.recursion),
    Rule("subflow.too_large", "连同子流程过大", shape.too_large),
    Rule("key.human", "占用 0 键", keys.human_key_taken),
    Rule("key.finish", "与收号的 # 冲突", keys.finish_taken),
    Rule("key.star", "* 键含义不一", keys.star_has_two_meanings, Severity.WARNING),
    Rule("collect.range", "位数矛盾", keys.digits_range),
    Rule("menu.options", "选项过多", keys.too_many_options),
    Rule("menu.depth", "菜单过深", keys.too_deep),
    Rule("prompt.missing", "缺少提示音", spoken.prompt_missing),
    Rule("prompt.unreadable", "文字无法识别", spoken.text_unreadable),
    Rule("prompt.not_rendered", "语音未合成", spoken.not_rendered),
    Rule("prompt.answer", "外部答案按文字播报", spoken.answer_in_words, Severity.WARNING),
    Rule("unknown.recording", "录音不存在", spoken.recording_unknown),
    Rule("unknown.queue", "队列不存在", references.queue_unknown),
    Rule("unknown.skill", "技能不存在", references.skill_unknown),
    Rule("unknown.line", "热线不存在", references.line_unknown),
    Rule("unknown.case_line", "用例中的热线不存在", references.case_line_unknown),
    Rule("unknown.target", "转接对象不存在", references.target_unknown),
    Rule("unknown.knowledge", "知识条目不存在", references.knowledge_unknown),
    Rule("unknown.hours", "服务时间不存在", references.hours_unknown),
    Rule("unknown.flow", "子流程不存在", references.flow_unknown),
    Rule("condition.dates", "日期颠倒", references.dates_reversed),
    Rule("web.plain", "请求未加密", references.request_unprotected, Severity.WARNING),
    Rule("variable.unset", "变量未赋值", values.used_before_set),
    Rule("variable.built_in", "改写系统变量", values.built_in_set),
    Rule("human.no_way", "路径上到不了人工", human.no_way_to_a_human),
    Rule("human.silence", "不按键接不到人工", human.silence_without_a_human),
    Rule("human.circle", "不按键永远接不到人工", human.silence_without_an_end),
    Rule("human.seconds", "15 秒内转不了人工", human.kept_from_a_human),
    Rule("human.greeting", "开头过长", human.long_before_asked, Severity.WARNING),
    Rule("human.slow", "不按键等待过久", human.long_silence, Severity.WARNING),
)
CODES: Final = frozenset(rule.code for rule in RULES)


def findings(flow: Flow, world: World, *, without: Collection[str] = ()) -> list[Finding]:
    """Everything that is wrong with a flow, errors first, then by node. `without`: codes of rules that are not asked.

    Raises nothing, however broken the flow is.
    """
    subject = Subject(flow, world)
    found = [
        Finding(rule.code, one.severity or rule.severity, one.node, one.field, one.message, one.remedy)
        for rule in RULES
        if rule.code not in without
        for one in rule.check(subject)
    ]
    return sorted(found, key=lambda one: (one.severity is not Severity.ERROR, one.node, one.field, one.rule))
