"""Calls of ours to citizens: callbacks, calls out, rounds of visits; messages they leave, and SMS."""

from __future__ import annotations

from datetime import time
from typing import Literal, Self

from pydantic import Field, model_validator

from hotline.settings.section import Section


class Callbacks(Section):
    """Calling citizens back (回拨)."""

    trunk: str = Field("carrier", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Trunk citizens are called through.")
    caller_id: str = Field("12345", pattern=r"^[0-9]{3,16}$", description="Number shown on the citizen's phone.")
    ring_seconds: int = Field(40, ge=10, le=120, description="How long the citizen's phone rings.")
    attempts: int = Field(3, ge=1, le=10, description="How often a citizen is dialled for one promise.")
    spacing_minutes: float = Field(
        15.0, ge=0, description="From an attempt that did not reach the citizen to the next."
    )
    per_day: int = Field(4, ge=1, description="How often one number is dialled in a day, over all promises.")
    quiet_from: time = Field(time(21), description="From here on only who asked to be called back is called.")
    quiet_to: time = Field(time(8), description="Until here; the same as quiet_from: no quiet hours.")
    missed: bool = Field(True, description="Whether everyone who gave up is called back (漏接电话回拨).")
    missed_after_seconds: float = Field(5.0, ge=0, description="Who gave up sooner had dialled by mistake.")
    missed_delay_seconds: float = Field(60.0, ge=0, description="Time to dial again before being called back.")
    missed_at_once: int = Field(
        4, ge=1, description="So many missed calls ask for agents at a time: callers come first."
    )
    keep_hours: float = Field(48.0, gt=0, description="Older promises are given up.")


class CallsOut(Section):
    """Calls out (外呼): an agent calls a citizen or a unit about a ticket."""

    trunk: str = Field("carrier", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Trunk parties are called through.")
    caller_id: str = Field("12345", pattern=r"^[0-9]{3,16}$", description="Number the party sees.")
    caller_id_of_line: bool = Field(
        False, description="Show the hotline the ticket came in by instead, where it is a line of ours."
    )
    ring_seconds: int = Field(45, ge=10, le=120, description="How long the party's phone rings.")
    auto_answer: str = Field(
        "",
        pattern=r"^$|^[A-Za-z][A-Za-z-]{0,31}: [A-Za-z0-9][A-Za-z0-9 =<>:/.@-]{0,127}$",
        description="SIP header by which the agent's own phone answers by itself; empty: it rings.",
    )
    opens: time = Field(time(8), description="Citizens are called from here on; the same as closes: at any hour.")
    closes: time = Field(time(21), description="Until before here.")
    per_day: int = Field(4, ge=1, description="How often one number is called out in a day, whatever for.")
    spacing_minutes: float = Field(15.0, ge=0, description="Between two calls to one number.")
    forbidden_prefixes: list[str] = Field(
        [], description="Beginnings of numbers in E.164 that are never called, e.g. +86168."
    )
    typed_by: list[str] = Field(["supervisor"], description="Roles whose people may type a number.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes < self.opens:
            raise ValueError("calls_out.closes lies before opens")
        return self


class Rounds(Section):
    """Follow-up rounds (回访轮次)."""

    opens: time = Field(time(9), description="Citizens are called from here on; the same as closes: at any hour.")
    closes: time = Field(time(20), description="Until before here.")
    workdays_only: bool = Field(False, description="Whether only on working days (工作日).")
    attempts: int = Field(3, ge=1, le=10, description="Attempts in vain that make a citizen unreachable (未接通).")
    days: int = Field(2, ge=1, le=30, description="Over how many days they are spread.")
    per_day: int = Field(2, ge=1, description="How often one number is called for rounds in a day.")
    spacing_minutes: float = Field(120.0, ge=0, description="From an attempt in vain to the next.")
    failures: int = Field(5, ge=1, description="Calls that our side could not make, after which a ticket is given up.")
    put_offs: int = Field(3, ge=0, description="How often agents may put a ticket off.")
    preview_minutes: float = Field(10.0, gt=0, description="How long a ticket stays with an agent who does nothing.")
    write_up_minutes: float = Field(30.0, gt=0, description="The same after the talk, for the result.")
    ivr_at_once: int = Field(4, ge=0, description="Automated calls (自动回访) at a time; 0: none.")
    ivr_per_minute: int = Field(10, ge=1, description="Automated calls begun in any minute.")
    ivr_ring_seconds: int = Field(30, ge=10, le=120, description="How long the citizen's phone rings for one.")
    feed: Literal["off", "agent", "ivr"] = Field(
        "agent",
        description="Who visits what is due (回访全覆盖) in the day's round; off: rounds are made by hand alone.",
    )

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.closes < self.opens:
            raise ValueError("rounds.closes lies before opens")
        return self


class Sms(Section):
    """Texts to citizens (短信), through a gateway."""

    url: str = Field("", pattern=r"^(https?://[^\s]{1,500})?$", description="Where texts are posted; empty: none is.")
    key_file: str = Field("", description="Hexadecimal key of the requests' signature; empty: keys/sms under var_dir.")
    answer_seconds: float = Field(10.0, gt=0, le=60, description="Longest wait for the gateway's answer.")


class Messages(Section):
    """Messages citizens leave (留言)."""

    max_seconds: int = Field(120, ge=10, le=600, description="Longest message.")
    silence_seconds: int = Field(6, ge=2, le=60, description="So long without a word ends it.")
    tickets: bool = Field(True, description="Whether each becomes a ticket (工单).")
    transcription_model: str = Field(
        "", max_length=500, description="Folder of the model that writes messages down (转写); empty: none does."
    )
