"""Who waits, in which order, for whom, and who looks on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hotline.settings.section import Section


class Acd(Section):
    """Distribution of calls."""

    general_after_ms: int = Field(15_000, description="A call for experts also asks general agents after this long.")
    wrap_up_seconds: int = Field(30, ge=0, le=600, description="After-call work (话后整理) before the next offer.")
    lease_ms: int = Field(3_000, description="Lease of a process on its calls; renewed every third of it.")
    reserve_ms: int = Field(5_000, description="Longest time from reservation to ringing.")
    rebuild_ms: int = Field(1_500, description="After a new site epoch: how long processes re-send before matching.")
    no_answer_not_ready: bool = Field(True, description="An agent that let the phone ring out becomes not ready.")
    not_ready_reasons: list[str] = Field(
        ["小休", "用餐", "培训", "会议"], min_length=1, description="What an agent may be not ready (示忙) for."
    )
    host_lease_ms: int = Field(
        6_000, ge=1_000, description="An Asterisk nobody has seen for so long: its phones are not offered calls."
    )
    rest_ms: int = Field(5_000, ge=0, description="No offers to a phone that was not registered when called.")
    busy_rest_ms: int = Field(5_000, ge=0, description="No offers to a phone that was busy.")
    failed_rest_ms: int = Field(10_000, ge=0, description="No offers to a phone that failed.")
    rest_max_ms: int = Field(60_000, ge=0, description="Failures in a row double the rest, up to this.")


class Waiting(Section):
    """What a citizen hears and may choose while waiting for an agent."""

    first_after_seconds: float = Field(3.0, ge=0, le=60, description="From joining a queue to the first announcement.")
    every_seconds: float = Field(30.0, ge=5, le=600, description="Music between two announcements.")
    comforts_between: int = Field(
        1, ge=0, le=10, description="Comfort messages (安抚语) between two announcements of the place."
    )
    longest_minutes: int = Field(
        30, ge=1, le=60, description="A longer expected wait is not said in minutes but as `may take longer`."
    )
    offer_callback: bool = Field(True, description="Key 2: a callback that keeps the place, in every queue.")
    offer_message: bool = Field(
        False, description="Key 3: leave a message, in every queue; queues whose overflow says so offer it anyway."
    )
    affinity_hours: float = Field(
        72.0, ge=0, le=720, description="The agent of a talk no older than this is asked first; 0: never."
    )


class Priority(Section):
    """Head starts (优先) of a call over its place by time of entry. Reasons add up; the sum has a bound."""

    repeat_ms: int = Field(60_000, ge=0, le=600_000, description="Calls again within repeat_hours, matter still open.")
    repeat_hours: float = Field(24.0, ge=0, le=168, description="How long a call counts for repeat_ms.")
    redial_ms: int = Field(
        180_000, ge=0, le=600_000, description="Dials again after giving up; at most what was waited then."
    )
    redial_minutes: float = Field(30.0, ge=0, le=1440, description="How long giving up counts for redial_ms.")
    callback_due_ms: int = Field(180_000, ge=0, le=600_000, description="Calls while a callback is owed.")
    vulnerable_ms: int = Field(120_000, ge=0, le=600_000, description="The number is marked as a vulnerable caller's.")
    emergency_ms: int = Field(600_000, ge=0, le=600_000, description="No emergency desk took the call.")
    lookup_ms: int = Field(
        50, ge=0, le=1000, description="Longest the queueing of a call waits for what is known of its caller."
    )


_Supervisor = Literal["supervisor", "admin"]


class Supervision(Section):
    """What supervisors (班长) may do in agents' calls. A supervisor's agents are those of the own teams (班组)."""

    listen: list[_Supervisor] = Field(["supervisor"], description="Roles that may listen (监听).")
    whisper: list[_Supervisor] = Field(["supervisor"], description="Roles that may speak to the agent alone (密语).")
    barge: list[_Supervisor] = Field(["supervisor"], description="Roles that may speak to both (强插).")
    take_over: list[_Supervisor] = Field(["supervisor"], description="Roles that may take a citizen over (拦截).")
    hang_up: list[_Supervisor] = Field(["supervisor"], description="Roles that may end an agent's talk (强拆).")
    message: list[_Supervisor] = Field(["supervisor", "admin"], description="Roles that may write to agents (消息).")
    force: list[_Supervisor] = Field(["supervisor", "admin"], description="Roles that may force states (强制状态).")
    assign: list[_Supervisor] = Field(
        ["supervisor", "admin"], description="Roles that may give a waiting call to an agent (指派)."
    )
    every_team: list[_Supervisor] = Field(["admin"], description="Roles that are bound to no team.")
    shown: list[Literal["listening", "whispering", "barged"]] = Field(
        ["whispering", "barged"], description="What an agent is shown while it lasts."
    )
    ring_seconds: int = Field(20, ge=3, le=120, description="How long the supervisor's phone rings.")
