"""The words of the dispatch catalogue."""

from __future__ import annotations

from ticketing.vocabulary import Term


class Hindrance(Term):
    """Why a ticket waits for a person although the city's policy dispatches without one."""

    ACCUSES = "accuses", "举报或指明被举报单位，须人工派单"
    CONFIDENTIAL = "confidential", "诉求人要求保密，须人工派单"
    URGENT = "urgent", "紧急事项，须人工电话交办"
    CAME_BACK = "came_back", "曾经派出又退回，须人工派单"
    NOT_IN_CATALOGUE = "not_in_catalogue", "派单目录中没有对应事项"
    NOT_ITS_OWN_ENTRY = "not_its_own_entry", "派单目录只有上级事项或区划"
    AMBIGUOUS = "ambiguous", "相似工单由不同单位办结"
    NOT_SURE_ENOUGH = "not_sure_enough", "置信度低于策略要求"
    REFUSED = "refused", "系统派单未通过校验"
