"""What the terminal agent shows: the line's news in the words of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from hotline.errors import HotlineError

STATES = {
    "SIGNED_OUT": "签出",
    "READY": "示闲",
    "NOT_READY": "示忙",
    "RESERVED": "来电预留",
    "RINGING": "振铃",
    "TALKING": "通话中",
    "HOLD": "保持",
    "CONSULT": "咨询",
    "CONFERENCE": "三方通话",
    "WRAP_UP": "话后整理",
    "UNREACHABLE": "话机不可用",
}
"""States of an agent as people read them."""

_TICKETS_SHOWN = 5


def plain(text: object) -> str:
    """Text from outside, without anything that would steer the terminal."""
    return "".join(c for c in str(text) if c.isprintable())


class AgentScreen:
    """Writes to a console; a script's output is the same, without colours."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """A line of our own words."""
        self._console.print(text)

    def error(self, error: HotlineError) -> None:
        """What went wrong, and what to do next."""
        self.say(plain(error.detail) + (f"\n  → {plain(error.remedy)}" if error.remedy else ""))

    def state(self, view: Mapping[str, Any]) -> None:
        """The agent's state, its reason, and what comes after the call."""
        reason = f"（{plain(view['reason'])}）" if view.get("reason") else ""
        pending = f"，通话后{STATES.get(view['pending'], view['pending'])}" if view.get("pending") else ""
        self.say(f"状态 {STATES.get(view['state'], view['state'])}{reason}{pending}")

    def pop(self, pop: Mapping[str, Any]) -> None:
        """来电弹屏."""
        tickets = [f"{plain(one['number'])} {plain(one['title'])}" for one in pop.get("open_tickets") or ()]
        table = Table("来电", plain(pop["call"]))
        table.add_row("主叫", plain(pop.get("caller") or "未显示"))
        table.add_row("拨打线路", plain(f"{pop.get('dialled') or ''} {pop.get('line') or ''}".strip()))
        table.add_row("责任单位", plain(pop.get("unit") or "—"))
        table.add_row("等待", f"{pop.get('waited_ms', 0) / 1000:.1f} 秒")
        table.add_row("历史工单", "\n".join(tickets[:_TICKETS_SHOWN]) or "无")
        self._console.print(table)
