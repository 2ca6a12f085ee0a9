"""An offer of a callback: the agent's phone first, then the citizen's, who may still be on their own line with us."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from acd.model import Offer
from acd.states import Outcome
from agi.errors import AgiHangup
from agi.session import AgiSession
from calls.callback_legs import Legs
from calls.callback_live import HeldCallback
from calls.callback_policy import digits_to_dial
from calls.callback_record import CallbackRecord
from calls.callback_states import CallbackOutcome
from calls.dialling import Dialled
from calls.facts import Kind
from calls.live import LiveCall
from calls.outcomes import offer_outcome
from calls.placing import Party, Placed, PlacedOffer
from calls.switchboard import Switchboard

_GOODBYE_SECONDS: Final = 15.0
"""Longest wait for the citizen to be off the line on which they asked for this."""

_LOOK_SECONDS: Final = 0.1


class CallbackOffer:
    """One offer of one callback, from reservation to its end."""

    dialled_kind = Kind.CALLBACK_DIALLED
    not_reached_prompt = "callback.not_reached"

    def __init__(
        self, board: Switchboard, legs: Legs, record: CallbackRecord, held: HeldCallback, *, address: str
    ) -> None:
        self._board = board
        self._legs = legs
        self._record = record
        self._held = held
        self._address = address

    @property
    def live(self) -> LiveCall:
        """The callback as a call."""
        return self._held.live

    async def carry_out(self, offer: Offer, history: asyncio.Task[dict[str, Any]]) -> Placed:
        """Raises NotCallable when the citizen's number may not be called, Cut when this process stops meanwhile."""
        keys = self._board.settings.callbacks
        party = Party(
            digits=digits_to_dial(self.live.caller, self._board.directory.snapshot),
            trunk=keys.trunk,
            shown=keys.caller_id,
            ring_seconds=keys.ring_seconds,
        )
        placed = PlacedOffer(self._board, self._legs, self, party, address=self._address)
        return await placed.carry_out(offer, history)

    async def dialling(self, agent: str) -> None:
        """Raises CallbackMoved, PartUnavailable: then the citizen is not dialled."""
        await self._record.dialling(self._held, agent)

    async def talking(self) -> None:
        """The two talk."""
        await self._record.talking(self._held)

    def judged(self, end: Dialled | None, *, called: bool) -> CallbackOutcome:  # noqa: ARG002 - one word for both
        """What became of an attempt in vain."""
        if end is None:
            return CallbackOutcome.AGENT_LEFT
        return _OUTCOMES.get(offer_outcome(end.status, end.cause), CallbackOutcome.UNREACHABLE)

    async def ready(self, session: AgiSession) -> None:
        """Whoever asked for this while waiting may still hear the goodbye: their phone would be busy. Raises AgiHangup
        when the agent does not wait for that."""
        deadline = self._board.clock.monotonic() + _GOODBYE_SECONDS
        while self._held.row.call_id in self._board.live and self._board.clock.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await session.hung_up.wait()
            if session.hung_up.is_set():
                raise AgiHangup()


_OUTCOMES: Final = {
    Outcome.BUSY: CallbackOutcome.BUSY,
    Outcome.NO_ANSWER: CallbackOutcome.NO_ANSWER,
    Outcome.REJECTED: CallbackOutcome.REJECTED,
}
