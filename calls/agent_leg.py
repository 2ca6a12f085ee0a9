"""How an agent's phone is dialled: here, or through the host of the site that it is registered with."""

from __future__ import annotations

from dataclasses import dataclass

from acd.states import Outcome
from calls.outcomes import offer_outcome
from hotline.ids import call_id, extension
from hotline.settings import Asterisk

_UNALLOCATED = 1
_NO_USER_RESPONSE = 18


@dataclass(frozen=True, slots=True)
class AgentLeg:
    """Dial's destination, and the options it needs beside those of the offer. `elsewhere`: through another host."""

    destination: str
    options: str
    elsewhere: bool

    def outcome(self, dial_status: str, cause: int, *, silent: bool = False) -> Outcome:
        """The outcome of an offer from DIALSTATUS and HANGUPCAUSE (Q.850) of the caller's channel after `Dial`;
        `silent`: the time ran out before anything rang.

        Another host sends the phone's own cause along: 1 for a phone that is not registered there, and never 18. So 18,
        or silence, is a host that does not answer, and its agent has let nothing ring.
        """
        if self.elsewhere:
            if silent or (cause == _NO_USER_RESPONSE and dial_status != "NOANSWER"):
                return Outcome.FAILED
            if cause == _UNALLOCATED and dial_status != "NOANSWER":
                return Outcome.UNREGISTERED
        return offer_outcome(dial_status, cause)


def agent_leg(asterisk: Asterisk, seat: str, host: str, call: str) -> AgentLeg | None:
    """The leg to the phone of `seat`, registered with the Asterisk `host` (a systemname; empty: unknown, tried here).

    None for a host that `asterisk.peers` does not name: nobody there can be called from here. Another host is told the
    call's id. Raises InvalidInput for a seat or call that is none.
    """
    phone = f"PJSIP/{extension(seat)}"
    if host in ("", asterisk.systemname):
        return AgentLeg(phone, "", elsewhere=False)
    if host not in {peer.systemname for peer in asterisk.peers}:
        return None
    return AgentLeg(f"{phone}@host-{host}", f"b(hl-outgoing-leg^s^1({call_id(call)}))", elsewhere=True)
