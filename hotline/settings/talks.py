"""What happens in a call: menus, the talk, transfers, recording, the survey after it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hotline.settings.section import LineNumber, QueueName, Section


class Menus(Section):
    """Menus (菜单) before a human."""

    second_approver: bool = Field(
        False, description="Whether a menu is published only when a second person approves it (双人复核)."
    )
    web_allowed_hosts: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:-]{0,252}$")]] = Field(
        default=[],
        max_length=64,
        description="Hosts a web request may reach although their address is private, and by plain http.",
    )
    web_at_once: int = Field(4, ge=1, le=64, description="Web requests to one host at a time.")
    longest_seconds: int = Field(
        180, ge=15, le=1800, description="Longest stay of a caller in menus; then a human, wherever they are in it."
    )
    away_seconds: int = Field(
        120, ge=15, le=1800, description="Longest stay in a menu that an agent sent the citizen into out of the talk."
    )


class Talk(Section):
    """What an agent does in a talk: hold, third parties."""

    hold_seconds: int = Field(180, ge=10, le=3600, description="Longest hold; then the citizen is in the talk again.")
    blind_seconds: int = Field(
        45, ge=10, le=600, description="Longest wait for each number of who is called after the agent has left."
    )
    silent_seconds: float = Field(
        6.0, ge=1, le=60, description="A third party who answered and sends no sound for so long is told to the agent."
    )


class Transfers(Section):
    """Whom a call can be transferred to (转接)."""

    contact_trunk: str = Field(
        "carrier", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Trunk through which units' contacts are called."
    )
    contact_ring_seconds: int = Field(25, ge=3, le=120, description="How long a contact's phone rings.")


class Recording(Section):
    """Recording (录音) of talks with agents."""

    enabled: bool = Field(True, description="Whether talks are recorded.")
    announce: bool = Field(True, description="Whether the citizen is told so after the greeting.")
    folder: str = Field("", description="Where recordings are kept; empty: recordings under var_dir.")
    key_file: str = Field("", description="The keys they are sealed with; empty: keys/recordings under var_dir.")
    format: Literal["mp3", "opus"] = Field("mp3", description="What they are kept and played as.")
    retention_days: int = Field(1095, ge=1, le=36_500, description="Kept for so long, longer under a legal hold.")
    pause_seconds: int = Field(120, ge=5, le=600, description="A pause that nobody ends ends by itself.")
    gap_ms: int = Field(1_000, ge=50, description="What may be missing of a talk before it is told.")
    low_free_mb: int = Field(5_000, ge=0, description="Less free space than this raises the alarm.")
    stop_free_mb: int = Field(1_000, ge=0, description="Less than this: calls go on, and are not recorded.")
    full_in_days: int = Field(14, ge=0, description="Full within so many days at this growth raises the alarm.")
    agents_may_hear: bool = Field(False, description="Whether agents may hear the talks that were their own.")


_ReasonName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]


class Survey(Section):
    """Satisfaction by key press after a talk (满意度评价, 好差评)."""

    enabled: bool = Field(True, description="Whether citizens are asked after a talk with an agent.")
    queues: dict[QueueName, bool] = Field(default={}, description="Queues for which it is otherwise.")
    lines: dict[LineNumber, bool] = Field(
        default={}, description="Hotlines for which it is otherwise; they come before queues."
    )
    routed: bool = Field(False, description="Whether calls that a branch centre took are asked about, too.")
    wait_seconds: float = Field(6.0, ge=1, le=30, description="For a key, from the end of the question.")
    satisfied_levels: int = Field(
        3, ge=1, le=4, description="The best so many of the five levels count as satisfied (满意率)."
    )
    reasons: dict[_ReasonName, Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default={"attitude": "服务态度", "skill": "业务水平", "waiting": "等候时间", "unsolved": "问题没有解决"},
        max_length=8,
        description="What a dissatisfied citizen can name as the reason, in the order of the keys from 1.",
    )
    callback: bool = Field(True, description="Whether who is dissatisfied is called back (不满意回访).")
    callback_after_minutes: float = Field(30.0, ge=0, le=2880, description="From the survey to that call, at least.")
