"""The words of figures."""

from __future__ import annotations

from ticketing.vocabulary import Term


class Dimension(Term):
    """What figures are told apart by."""

    UNIT = "unit", "承办单位"
    CATEGORY = "category", "事项分类"
    AREA = "area", "区域"
    """County: the first six digits of the administrative division code."""
    SOURCE = "source", "诉求来源"
    COUNTY = "county", "县（市、区）"
    """Of the tree of units: a county's figures are those of its units."""


class ExclusionReason(Term):
    """Why a case is left out of a rate."""

    UNREASONABLE_REPEAT = "unreasonable_repeat", "无理重复诉求"
    """Determined, and the citizen told (SMX 二(三)3)."""
    UNREACHABLE = "unreachable", "诉求人联系不上"
    """After the attempts that the rule asks for."""
    NO_CONTACT = "no_contact", "无有效联系方式"
    DECLINED = "declined", "诉求人拒绝评价"
    WRONG_PERSON = "wrong_person", "接听人不是诉求人"
    NOT_ASKED = "not_asked", "回访未取得该项意见"
    """The citizen was reached, and was not asked this or did not say."""
    WITHDRAWN = "withdrawn", "期限届满前撤销办理"
    """Returned with consent, recalled, merged or refused before the limit's end."""
    FORCE_MAJEURE = "force_majeure", "不可抗力"
    """TH 16: 地区性自然灾害等不可抗力情形除外."""
    WRONGLY_DISPATCHED = "wrongly_dispatched", "派单有误"
    MALICIOUS = "malicious", "恶意诉求"
    """TH 28: false, malicious, harassing."""
    OTHER = "other", "其他经认定的情形"


BY_HAND = frozenset(
    {
        ExclusionReason.FORCE_MAJEURE,
        ExclusionReason.WRONGLY_DISPATCHED,
        ExclusionReason.MALICIOUS,
        ExclusionReason.OTHER,
    }
)
"""Reasons that somebody decides; all others follow from the ticket's own records."""
