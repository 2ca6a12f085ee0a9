"""The words of an import."""

from __future__ import annotations

from ticketing.vocabulary import Term


class Kind(Term):
    """What a file holds."""

    TICKETS = "tickets", "工单"
    UNITS = "units", "承办单位"
    KNOWLEDGE = "knowledge", "知识库"


class Outcome(Term):
    """What a row became, or would."""

    ADDED = "added", "新增"
    CHANGED = "changed", "更新"
    UNCHANGED = "unchanged", "无变化"
    CONFLICT = "conflict", "冲突"


class Clash(Term):
    """Why a changed row does not go in by itself: people decide."""

    WORKED_ON = "worked_on", "导入后已在本系统办理或修改，未覆盖"
    ARCHIVED = "archived", "已归档，档案不再改写"
    OTHER_COURSE = "other_course", "办理过程与已导入的不一致，未覆盖"
    NAME_TAKEN = "name_taken", "同一上级下已有同名单位"
    CODE_TAKEN = "code_taken", "知识编号已被本系统的知识使用"
