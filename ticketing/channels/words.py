"""Words of the channels, and which sources they may claim."""

from __future__ import annotations

from typing import Final

from ticketing.vocabulary import Source, Term

FORM: Final = "web-form"
"""Code of the line's own form on the web."""
MAIL: Final = "mail"
"""Code of the line's own mailbox."""

CLAIMABLE: Final = frozenset(
    {
        Source.SMS,
        Source.MAIL,
        Source.WEB,
        Source.WECHAT,
        Source.WEIBO,
        Source.APP,
        Source.STATE_COUNCIL,
        Source.GOV_CN,
        Source.PEOPLE_CN,
        Source.GOVERNOR_MAILBOX,
        Source.CITY_WEBSITE,
    }
)
"""Sources a channel may be given. Calls are told by the telephone system itself; the province, 110, branch centres and
other platforms by who signs (`calls.handover_intake`)."""


class MailOutcome(Term):
    """What became of a mail."""

    TICKET = "ticket", "已生成工单"
    AUTOMATIC = "automatic", "自动回复或群发，不受理"
    BOUNCE = "bounce", "退信，不受理"
    TOO_LARGE = "too_large", "邮件过大，已告知"
    EMPTY = "empty", "没有内容，已告知"
    UNREADABLE = "unreadable", "无法读取，已告知"
