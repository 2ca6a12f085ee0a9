"""Where the legs of a talk are put: the room of the call, on hold, back to the dialplan's supervisor.

Citizen and agent leave their bridge together (AMI Redirect with ExtraChannel) and meet again in a ConfBridge that has
the call's id for a name; from then on each can be moved alone. In the room agent and third party are marked: when the
last of them goes, the citizen comes out by itself, whoever of ours is still alive.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final

from agi.variables import AT, CALL, CITIZEN, PHASE, ROLE, VOICE, Phase
from ami.client import AmiClient
from ami.errors import AmiRefused
from calls.talk.parties import Leg, Role

ROOM: Final = "hl-talk"
HELD: Final = "hl-held"
MENU: Final = "hl-menu"
RESUME: Final = "hl-resume"


class Place(StrEnum):
    """Where a citizen is during a talk."""

    BRIDGE = "bridge"
    """With the agent, in the bridge of the Dial."""
    ROOM = "room"
    HELD = "held"
    MENU = "menu"
    BLIND = "blind"
    """On hold, with no agent in the room."""


_WAYS: Final = {
    Place.ROOM: (ROOM, Role.CITIZEN.value),
    Place.HELD: (HELD, "s"),
    Place.MENU: (MENU, "s"),
    Place.BLIND: (HELD, "blind"),
}


class Rooms:
    """Moves the legs of one talk. Methods raise AmiError; AmiRefused: a leg is gone, and nothing was moved."""

    def __init__(self, ami: AmiClient, call: str, citizen: Leg) -> None:
        self._ami = ami
        self._call = call
        self._citizen = citizen
        self.place = Place.BRIDGE

    async def put(self, place: Place, agent: Leg | None) -> None:
        """The citizen to the room or on hold. Out of the bridge the agent goes to the room in the same moment; without
        `agent` the agent's leg ends there."""
        if place is self.place and place is not Place.BLIND:
            return
        context, exten = _WAYS[place]
        if self.place is Place.BRIDGE:
            await self._mark(self._citizen)
            if agent is not None:
                await self._mark(agent)
                await self._ami.redirect(
                    self._citizen.channel,
                    context,
                    exten,
                    extra_channel=agent.channel,
                    extra_context=ROOM,
                    extra_exten=Role.AGENT.value,
                )
                self.place = place
                return
        await self._ami.redirect(self._citizen.channel, context, exten)
        self.place = place

    async def brought_along(self, third: Leg) -> None:
        """The third party brings the citizen into the room when they answer."""
        await self._ami.setvar(CITIZEN, self._citizen.channel, third.channel)

    async def brought(self) -> bool:
        """Whether the third party has brought the citizen into the room. Who answers at once does so before the citizen
        was put on hold, and is alone there then."""
        return await self._ami.getvar("CONTEXT", self._citizen.channel) == ROOM

    async def phase(self, phase: Phase) -> None:
        """How the dialplan goes on should nobody of ours be there."""
        await self._ami.setvar(PHASE, phase, self._citizen.channel)

    async def led_to(self, address: str, voice: str) -> None:
        """Who runs a menu for the citizen: the voice process of that name, at that host:port."""
        for variable, value in ((AT, address), (VOICE, voice), (PHASE, Phase.AWAY)):
            await self._ami.setvar(variable, value, self._citizen.channel)

    async def give_back(self, phase: Phase) -> None:
        """The citizen to the dialplan's supervisor, which goes on as the phase says."""
        await self.phase(phase)
        await self._ami.redirect(self._citizen.channel, RESUME)

    async def end(self, leg: Leg) -> None:
        """Hang a leg up; one that is gone already is no fault."""
        try:
            await self._ami.hangup(leg.uniqueid)
        except AmiRefused:
            return

    async def _mark(self, leg: Leg) -> None:
        await asyncio.gather(
            self._ami.setvar(CALL, self._call, leg.channel), self._ami.setvar(ROLE, leg.role, leg.channel)
        )
