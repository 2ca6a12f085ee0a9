"""How a recording begins: in the dialplan (`hl-record`), on the citizen's channel, before an agent's phone rings.

So it is there from the first syllable, and it needs none of our processes: what came before the answer is cut off when
it is sealed (decision 19).
"""

from __future__ import annotations

from typing import Final

from agi.session import AgiSession
from hotline.ids import call_id
from hotline.settings import Settings

ANNOUNCEMENT: Final = "talk.recorded"
"""Prompt that tells the citizen, after the greeting."""

RECORD: Final = "HL_RECORD"
"""Dialplan global: `yes` while recordings may begin on this host."""

TAPE: Final = "HL_TAPE"
"""On a citizen's channel that is recorded: the segment."""


def dial_options(settings: Settings) -> str:
    """What a Dial to an agent has in its options besides: run on the caller's channel before the first ring."""
    return "B(hl-record^s^1)" if settings.recording.enabled else ""


def called_options(settings: Settings, call: str) -> str:
    """The same for a Dial to the citizen: run on the citizen's channel when it is answered."""
    return f"U(hl-record-called^{call_id(call)})" if settings.recording.enabled else ""


def announcement(settings: Settings) -> list[str]:
    """Prompt keys that tell the citizen of the recording."""
    keys = settings.recording
    return [ANNOUNCEMENT] if keys.enabled and keys.announce else []


async def stop_unanswered(settings: Settings, session: AgiSession) -> None:
    """Nobody answered: the citizen waits again, and waiting is not recorded. Raises what the session raises."""
    if settings.recording.enabled:
        await session.exec("StopMixMonitor")
        await session.set_variable(TAPE, "")
