"""Which channels are the citizen's and the agent's in a talk, as Asterisk shows them: whoever holds the call, and in
whatever form it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agi.variables import CALL, ROLE
from ami.replies import ChannelInfo
from calls.callback_ids import is_outward, leg_id
from calls.talk.parties import Role


@dataclass(frozen=True, slots=True)
class TalkLegs:
    """The two sides of a talk. `room` is the conference they are in; empty: a plain bridge. `third`: somebody else is
    in it, or is called into it."""

    citizen: ChannelInfo
    agent: ChannelInfo
    room: str = ""
    third: bool = False


def talk_legs(call: str, channels: Sequence[ChannelInfo]) -> TalkLegs | None:
    """The legs of a call's talk; None if there is no talk.

    In a conference every leg says whose it is (HL_ROLE). Before that the two are alone in their bridge; in a call of
    ours the agent's channel is the older one.
    """
    of_call = {channel.variables.get(ROLE): channel for channel in channels if channel.variables.get(CALL) == call}
    if Role.AGENT in of_call and Role.CITIZEN in of_call:
        return TalkLegs(of_call[Role.CITIZEN], of_call[Role.AGENT], room=call, third=Role.THIRD in of_call)
    first_id = leg_id(call) if is_outward(call) else call
    first = next((channel for channel in channels if channel.uniqueid == first_id), None)
    if first is None or not first.bridge_id:
        return None
    others = [one for one in channels if one.bridge_id == first.bridge_id and one.uniqueid != first.uniqueid]
    if len(others) != 1:
        return None
    return TalkLegs(others[0], first) if is_outward(call) else TalkLegs(first, others[0])
