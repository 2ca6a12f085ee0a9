"""Calls somebody into a talk's room: the one way in, for a number outside and for a phone of ours."""

from __future__ import annotations

from agi.variables import CALL, CITIZEN, ROLE, THIRD, TRIED
from ami.errors import AmiRefused
from calls.live import LiveCall
from calls.switchboard import Switchboard
from calls.talk.parties import Role
from calls.talk.rooms import ROOM
from directory.numbers import subscriber_digits


async def invite(
    board: Switchboard,
    citizen: LiveCall,
    leg: str,
    destination: str,
    *,
    key: str,
    ring_seconds: int,
    tried: int = 0,
    brings_citizen: bool = False,
) -> None:
    """Call `destination`, a dial string of ours or the directory's, under the channel id `leg`. What becomes of it
    comes into the citizen's mailbox. `key`: the directory's, of who it is; `tried`: how many of their numbers were
    called.

    Raises AmiError; AmiRefused: Asterisk could not begin, and nothing comes.
    """
    variables = {CALL: citizen.call, ROLE: Role.THIRD.value, THIRD: key, TRIED: str(tried)}
    if brings_citizen:
        variables[CITIZEN] = citizen.channel
    board.legs.follow(leg, citizen.mailbox)
    try:
        await board.ami.originate(
            destination,
            channel_id=leg,
            context=ROOM,
            exten=Role.THIRD.value,
            variables=variables,
            caller_id=_shown(citizen),
            ring_seconds=ring_seconds,
        )
    except AmiRefused:
        board.legs.forget(leg)
        raise


def _shown(citizen: LiveCall) -> str:
    """The citizen's number, which an emergency desk needs; the line's, if there is none that can be shown."""
    return (subscriber_digits(citizen.caller) if citizen.caller else None) or citizen.plan.number
