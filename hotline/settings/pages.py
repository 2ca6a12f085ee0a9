"""The web server: who signs in and how, what citizens find there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hotline.settings.section import Section


class Web(Section):
    """The web process."""

    bind: str = Field("127.0.0.1", description="Address of the HTTP listener.")
    port: int = Field(18345, description="HTTP port.")
    session_hours: float = Field(12.0, description="Absolute life of a session token.")
    idle_minutes: float = Field(60.0, description="A token unused for so long is void.")
    public_per_minute: int = Field(
        60, ge=1, description="Questions of one address without a login (progress, knowledge) in a minute."
    )
    origin: str = Field(
        "",
        pattern=r"^(https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?)?$",
        description="Address browsers have this site by, for a proxy that does not hand the Host header on.",
    )


_RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]


class SignIn(Section):
    """Signing in (登录)."""

    attempts: int = Field(5, ge=2, le=50, description="So many wrong passwords or codes lock a login.")
    lock_minutes: float = Field(15.0, gt=0, description="The first lock; each one in a row lasts twice as long.")
    longest_lock_hours: float = Field(24.0, gt=0, description="The longest lock.")
    address_attempts: int = Field(
        50,
        ge=1,
        description="So many sign-ins in vain within lock_minutes make an address wait; a shift may share one.",
    )
    second_step_roles: list[_RoleName] = Field(
        ["supervisor", "admin", "auditor"], description="Roles whose people need a second step (动态口令) in a browser."
    )


class Citizen(Section):
    """Citizens' own pages, under /public."""

    cases: bool = Field(
        False, description="Whether settled demands are shown to everybody (公开办理), without who made them."
    )
    case_types: list[Literal["consult", "help", "complaint", "report", "suggestion"]] = Field(
        ["consult", "help", "suggestion"], description="Types of demands (诉求类型) that are shown so."
    )
    case_after_days: float = Field(7.0, ge=0, description="How long after it was settled one is shown at the earliest.")


class WebCalls(Section):
    """Calls from citizens' own page, /public/call (网页通话)."""

    enabled: bool = Field(True, description="Whether the page calls 12345; without it, it says to dial.")
    at_once: int = Field(20, ge=1, le=1000, description="Such calls at a time, of everybody.")
    per_address: int = Field(3, ge=1, le=1000, description="At a time from one address; one may be many people's.")
    per_hour: int = Field(20, ge=1, le=10_000, description="Calls asked for by one address in an hour.")
    media_address: str = Field(
        "",
        pattern=r"^([0-9]{1,3}(\.[0-9]{1,3}){3})?$",
        description="Address browsers outside send sound to, where it is not asterisk.bind's own.",
    )


class Progress(Section):
    """Citizens ask for the progress of their tickets by number and query code (办理进度自助查询)."""

    ticket_failures: int = Field(5, ge=1, le=20, description="Questions in vain for one ticket that lock it.")
    caller_failures: int = Field(10, ge=1, le=100, description="The same by one caller, or one address.")
    failures_per_minute: int = Field(
        20, ge=1, le=1000, description="The same by everybody in a minute, by phone and by web apart."
    )
    lock_minutes: float = Field(60.0, ge=1, le=1440, description="How long a ticket or a caller stays locked.")
    answer_ms: int = Field(300, ge=0, le=2000, description="Every answer takes so long, whatever it is.")
    key_file: str = Field("", description="The key codes are hashed with; empty: keys/query-codes under var_dir.")
