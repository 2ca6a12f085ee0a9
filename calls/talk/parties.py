"""Who is in a talk: their legs as Asterisk knows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """HL_ROLE of a leg; also its extension in the dialplan's `hl-talk`."""

    CITIZEN = "citizen"
    AGENT = "agent"
    THIRD = "third"


@dataclass(frozen=True, slots=True)
class Leg:
    """A live channel of the talk."""

    role: Role
    channel: str
    uniqueid: str
