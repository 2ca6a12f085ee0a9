"""Names of the channel variables that the dialplan and the voice process share. Each is written once, here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

CALL: Final = "HL_CALL"
"""Call id, `<systemname>-<uniqueid>`; grammar in `hotline.ids.call_id`."""

ENTERED: Final = "HL_ENTERED"
"""Time of entry in milliseconds since 1970-01-01 UTC. Set once: the caller's place never changes."""

ENTRY: Final = "HL_ENTRY"
"""How often the dialplan has entered AGI for this channel: 1, 2, ..."""

PHASE: Final = "HL_PHASE"
"""How far the call is, one of `Phase`; decides where the dialplan takes a caller whose voice process is lost."""

VOICE: Final = "HL_VOICE"
"""Name of the voice process the channel is with now, e.g. `voice-1`."""

DID: Final = "HL_DID"
"""Dialled number: digits and a leading `+` only."""

DEGRADE: Final = "HL_DEGRADE"
"""`yes`: the voice process cannot work now and gives the caller to the native queue at once."""

ODD: Final = "odd"
"""Sixth argument of AGI, if the dialplan dropped the caller's number and name: they held what neither ever does."""

TRUNK: Final = "HL_TRUNK"
"""Endpoint the call came from."""

CALLBACK: Final = "HL_CALLBACK"
"""Written by the classic script `callback-request`: `recorded` or `failed`. Only the former may be promised."""

VOICES: Final = "HL_VOICES"
"""Dialplan global: voice processes of this host, `voice-1@127.0.0.1:14573,...`."""

AT: Final = "HL_AT"
"""On the agent's leg of a callback, and of a citizen in a menu out of a talk: host:port of the voice process that asked
for it."""

ROLE: Final = "HL_ROLE"
"""On each leg of a talk that left its bridge: citizen, agent or third."""

THIRD: Final = "HL_THIRD"
"""On a third party's leg: the directory's key of who it is."""

CITIZEN: Final = "HL_CITIZEN"
"""On the leg of a third party for whom no agent waits: the citizen's channel, which it brings along."""

TRIED: Final = "HL_TRIED"
"""On a third party's leg: how many of their numbers were called, this one among them."""

LEG: Final = "HL_LEG"
"""On the agent's leg of a callback: the leg's id."""

NATIVE_SLICES: Final = "HL_NATIVE_SLICES"
"""How many slices of the native queue the caller has waited through."""


READY: Final = "HL_READY"
"""Dialplan global: `yes` while a voice process of this host serves, as its watchdog sees it. Probes are answered by
it."""


class Phase(StrEnum):
    """Values of HL_PHASE. `TALKED` never queues again, nor does `SURVEY`, in which the citizen is asked, once; only
    `DONE` tells a finished call from a lost process."""

    ENTERED = "entered"
    GREETING = "greeting"
    MENU = "menu"
    """In a menu. Who comes in again out of one goes to a human."""
    WAITING = "waiting"
    RINGING = "ringing"
    ROUTING = "routing"
    TALKED = "talked"
    AWAY = "away"
    """In a menu out of a talk, whose agent waits in the room."""
    SURVEY = "survey"
    DONE = "done"
