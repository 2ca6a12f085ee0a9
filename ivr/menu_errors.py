"""Errors of menus. Admins read them, so they speak Chinese and say what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound, Stale


class UnknownMenu(NotFound):
    """No such flow."""

    code = "menu.unknown"

    def __init__(self, flow: str) -> None:
        super().__init__(f"没有菜单“{flow}”", remedy="`hotline ivr list` 列出全部菜单")


class UnknownVersion(NotFound):
    """The flow has no such version."""

    code = "menu.version_unknown"

    def __init__(self, flow: str, version: int) -> None:
        super().__init__(f"菜单“{flow}”没有第 {version} 版", remedy=f"`hotline ivr history {flow}` 列出各版本")


class UnknownDraft(NotFound):
    """No draft of that revision, stash or proposal."""

    code = "menu.draft_unknown"


class UnreadableText(Conflict):
    """A text that is kept was written by another release of the programme, whose grammar this one does not have."""

    code = "menu.unreadable"

    def __init__(self, flow: str) -> None:
        super().__init__(
            f"菜单“{flow}”的这一稿是其他版本的程序保存的，现在读不出来", remedy="导入新的文件作为草稿再发布"
        )


class StaleDraft(Stale):
    """The draft is another one than the person has looked at. Nothing was changed."""

    code = "menu.stale"


class NotSound(Conflict):
    """Errors were found, or cases fail. Nothing was published."""

    code = "menu.not_sound"

    def __init__(self, wrong: Sequence[tuple[str, str]]) -> None:
        super().__init__("；".join(why for _, why in wrong), remedy="改正后再发布")
        self.wrong = tuple(wrong)


class NotAcknowledged(Conflict):
    """Warnings were found of which the person has not taken note. Nothing was published."""

    code = "menu.not_acknowledged"

    def __init__(self, wrong: Sequence[tuple[str, str]]) -> None:
        super().__init__("；".join(why for _, why in wrong), remedy="逐条确认这些提醒，或改正后再发布")
        self.wrong = tuple(wrong)


class NothingNew(Conflict):
    """What would be published is what holds already, or there is nothing to go back to."""

    code = "menu.nothing_new"


class AlreadyProposed(Conflict):
    """Another draft of this flow waits for its approver."""

    code = "menu.already_proposed"


class OwnProposal(NotAllowed):
    """Nobody approves what they wrote themselves."""

    code = "menu.own_proposal"

    def __init__(self) -> None:
        super().__init__("提交人不能复核自己的菜单", remedy="请另一位管理员复核")


class NotScheduled(Conflict):
    """The version is in force already, or was taken back."""

    code = "menu.not_scheduled"


class NotPublished(Conflict):
    """A line cannot use a flow of which no version was published."""

    code = "menu.not_published"


class BadMoment(InvalidInput):
    """A time for something to come into force that has passed, or is too far away."""

    code = "menu.bad_moment"
