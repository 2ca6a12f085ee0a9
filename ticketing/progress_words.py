"""What a citizen hears and reads of a ticket's progress (办理进度): one sentence for each state.

The sentences are fixed, so that each can be rendered once and spoken without a synthesizer on the line. They name no
unit and no person, and say nothing that only the house has to know: a unit that wants to return a ticket, for instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ticketing.vocabulary import State

SENTENCES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.REGISTERED: "您的诉求已经登记，正在受理。",
        State.REFUSED: "您的诉求不属于受理范围，原因和办理途径请咨询人工服务。",
        State.ANSWERED: "您的诉求已经直接答复。",
        State.TO_DISPATCH: "您的诉求已经受理，正在派单。",
        State.MERGED: "您的诉求正在与同一事项合并办理。",
        State.TO_SIGN: "您的诉求已经派给承办单位，等待签收。",
        State.HANDLING: "您的诉求正在办理。",
        State.RETURN_ASKED: "您的诉求正在核定承办单位。",
        State.EXTENSION_ASKED: "您的诉求正在办理，需要的时间比预计的长。",
        State.REPLY_TO_REVIEW: "您的诉求已有办理结果，正在审核。",
        State.REPLIED: "您的诉求已经答复，等待回访。",
        State.VISITED: "您的诉求已经回访，即将办结。",
        State.CLOSED: "您的诉求已经办结。",
        State.ARCHIVED: "您的诉求已经办结并归档。",
    }
)
"""What is read aloud in each state; `media` renders all of them."""

NOT_FOUND: Final = "没有查到，请核对工单编号和查询码。"
"""The one answer to a wrong number, a wrong code, an unknown ticket and a locked one."""
