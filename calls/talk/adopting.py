"""A talk whose process died, taken up again: what it is doing is read from the channels themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from acd.model import Offer
from agi.variables import CALL, ROLE, THIRD, TRIED
from ami.replies import ChannelInfo
from calls.live import LiveCall, Scribe
from calls.switchboard import Switchboard
from calls.talk.parties import Leg, Role
from calls.talk.rooms import HELD, MENU, ROOM, Place
from calls.talk.states import TalkState
from calls.talk.talk import Talk
from calls.talk.thirds import ThirdCall, third_party
from hotline.clock import from_ms
from hotline.errors import HotlineError

_FOUND: Mapping[tuple[Place, bool, bool | None], TalkState] = {
    # where the citizen is, whether the agent is there, whether a third party has joined (None: there is none)
    (Place.BRIDGE, True, None): TalkState.TALKING,
    (Place.ROOM, True, None): TalkState.TALKING,
    (Place.ROOM, True, False): TalkState.JOIN_CALLING,
    (Place.ROOM, True, True): TalkState.CONFERENCE,
    (Place.ROOM, False, True): TalkState.PASSED,
    (Place.HELD, True, None): TalkState.HELD,
    (Place.MENU, True, None): TalkState.IN_MENU,
    (Place.HELD, True, False): TalkState.CONSULT_CALLING,
    (Place.HELD, True, True): TalkState.CONSULT,
    (Place.HELD, False, False): TalkState.BLIND_CALLING,
    (Place.HELD, False, True): TalkState.BLIND_CALLING,
}
"""All else is a citizen whom the agent has left and nobody is called for: the talk is over."""


def live_call(board: Switchboard, offer: Offer, told: Mapping[str, Any], entered_ms: int, scribe: Scribe) -> LiveCall:
    """An adopted call as its owner sees it. `told` is the label that its former owner left with the ACD."""
    live = LiveCall(
        call=offer.call,
        channel=told["channel"],
        uniqueid=told["uniqueid"],
        entered_ms=entered_ms,
        entry=told["entry"],
        caller=told["caller"],
        dialled=told["dialled"],
        plan=board.directory.snapshot.plan_or_main(told["dialled"], (), from_ms(entered_ms)),
        scribe=scribe,
        queue=offer.queue,
    )
    live.offer = offer
    live.answered = live.answer_heard = True
    return live


def place_of(citizen: ChannelInfo) -> Place:
    """Where the citizen's channel is; anywhere else than in a room, on hold or in a menu it is with its Dial."""
    return {ROOM: Place.ROOM, HELD: Place.HELD, MENU: Place.MENU}.get(citizen.context, Place.BRIDGE)


def legs_of(call: str, citizen: ChannelInfo, channels: Iterable[ChannelInfo]) -> list[str]:
    """Unique ids of the channels that are part of this citizen's talk, or may be."""
    return [
        channel.uniqueid
        for channel in channels
        if channel.uniqueid == citizen.uniqueid
        or channel.variables.get(CALL) == call
        or (citizen.bridge_id and channel.bridge_id == citizen.bridge_id)
    ]


async def take_up(board: Switchboard, live: LiveCall, offer: Offer, channels: Iterable[ChannelInfo]) -> Talk:
    """The talk as it is now; `channels` are all that are live, the citizen's among them."""
    channels = list(channels)
    citizen = next(channel for channel in channels if channel.uniqueid == live.uniqueid)
    place = place_of(citizen)
    agent = next((c for c in channels if _is_agent(c, citizen, place, live.call)), None)
    third = await _third(board, [c for c in channels if c.variables.get(CALL) == live.call])
    joined = None if third is None else third.joined
    leg = None if agent is None else Leg(Role.AGENT, agent.channel, agent.uniqueid)
    talk = Talk(board, live, offer, leg)
    state = _FOUND.get((place, agent is not None, joined))
    talk.adopted(state or TalkState.TALKING, place, third)
    # Somebody may have come back, or left, while nobody was there to say so.
    await talk.told(why="taken_up")
    if state is None:
        live.mailbox.put_nowait({"type": "alone"})
    elif state is TalkState.BLIND_CALLING and third is not None and third.joined and third.leg is not None:
        # They are in the room, and the citizen was not brought to them yet.
        third.joined = False
        live.mailbox.put_nowait({"type": "leg", "leg": third.leg.uniqueid, "event": "in"})
    return talk


def _is_agent(channel: ChannelInfo, citizen: ChannelInfo, place: Place, call: str) -> bool:
    if place is Place.BRIDGE:
        return bool(citizen.bridge_id) and channel.bridge_id == citizen.bridge_id and channel is not citizen
    return channel.variables.get(CALL) == call and channel.variables.get(ROLE) == Role.AGENT


async def _third(board: Switchboard, channels: list[ChannelInfo]) -> ThirdCall | None:
    found = next((c for c in channels if c.variables.get(ROLE) == Role.THIRD), None)
    if found is None:
        return None
    leg = Leg(Role.THIRD, found.channel, found.uniqueid)
    joined = found.application == "ConfBridge"
    try:
        key = await board.ami.getvar(THIRD, found.channel)
        tried = await board.ami.getvar(TRIED, found.channel)
        third = ThirdCall(third_party(board, key), tried=int(tried), leg=leg, joined=joined)
    except (HotlineError, ValueError):
        # Gone in this moment, or no longer in the directory: whoever it is, they are part of the talk.
        third = ThirdCall.unknown(leg, joined=joined)
    return third
