"""Data go with a call (数据随话务): what the receiving side is told before its phone is answered.

Whose phone is on our platform gets it on the screen. Another platform gets it by its webhook: the order is a fact of
the call's journal, so it is as safe as every fact is and outlives whatever dies. It becomes a row of the outbox
(`calls.handover_store`) at once, or at the latest in the transaction that keeps the fact, and the jobs process delivers
it (`calls.handover_runner`).
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from calls import handover_store as store
from calls.facts import Kind
from calls.live import Scribe
from calls.switchboard import Switchboard
from directory.targets import Destination, TargetKind
from hotline.errors import InvalidInput
from hotline.ids import call_id

_log = structlog.get_logger(__name__)

FRAME: Final = "handover"
"""Kind of the frame on an agent's screen."""

LONGEST_SUMMARY: Final = 2_000
LONGEST_LOCATION: Final = 300
_STEP: Final = re.compile(r"[a-zA-Z0-9._:-]{1,48}")
_TICKET: Final = re.compile(r"[A-Z0-9]{0,40}")
SAYABLE: Final = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""No control characters but line feeds and tabs."""
_SAYABLE: Final = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]*")
_AT_ONCE_SECONDS: Final = 0.04
_NAMED_BY_THE_FACT: Final = frozenset({"id", "call", "from"})
_NAMESPACE: Final = uuid.UUID("6f0c6f0e-5a0a-4f0e-9b7e-123450012345")


@dataclass(frozen=True, slots=True)
class HandoverOrder:
    """What goes with a call, and to whom. Raises InvalidInput for what no agent can have meant."""

    call: str
    target: Destination
    step: str
    """Tells the transfers of one call apart, e.g. the number of the talk's step; the same step is one hand-over,
    however often it is ordered and by whichever process."""
    agent: str
    """Work number (工号) of who transfers."""
    caller: str | None
    """E.164 or a short code; None: withheld."""
    ticket: str = ""
    """Number of the ticket; empty: the newest that the call is linked to, if there is one."""
    summary: str = ""
    """What it is about, in the agent's words; empty: the ticket's title."""
    location: str = ""
    """Where, as far as it is known; empty: the ticket's address."""

    def __post_init__(self) -> None:
        call_id(self.call)
        if not _STEP.fullmatch(self.step):
            raise InvalidInput("a step has 1 to 48 letters, digits, '.', '_', ':' or '-'")
        if not _TICKET.fullmatch(self.ticket):
            raise InvalidInput("not a ticket number")
        for text, longest in ((self.summary, LONGEST_SUMMARY), (self.location, LONGEST_LOCATION)):
            if len(text) > longest or not _SAYABLE.fullmatch(text):
                raise InvalidInput(f"at most {longest} characters, none of them a control character")

    @property
    def id(self) -> str:
        """The same for the same step, and what the receiving side knows a repeat by."""
        return uuid.uuid5(_NAMESPACE, f"{self.call}/{self.target.key}/{self.step}").hex

    def shown(self) -> dict[str, Any]:
        """As a screen of ours shows it, and as the fact keeps it."""
        return {
            "id": self.id,
            "call": self.call,
            "target": self.target.key,
            "from": self.agent,
            "caller": self.caller,
            "ticket": self.ticket,
            "summary": self.summary,
            "location": self.location,
        }


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of an order. `body` belongs on the screen of whoever is offered the call next: into the pop
    (`LiveCall.told["handover"]`) where the target is a queue."""

    id: str
    body: dict[str, Any]
    to_platform: bool
    """Whether another platform is told; False: none takes data there, or it is our own."""


async def hand_over(board: Switchboard, scribe: Scribe, order: HandoverOrder) -> HandedOver:
    """Send what goes with a call on its way; called before the target's phone is dialled. Takes 40 ms at most and never
    fails: a call is connected with its data or without.

    The row is written at once where PostgreSQL answers as usual, so that another platform is told before its phone
    rings; where it does not, the fact becomes the row later, under the same id.
    """
    body, target = order.shown(), order.target
    told = {name: value for name, value in body.items() if name not in _NAMED_BY_THE_FACT}
    told |= {"partner": target.partner, "urgent": target.kind is TargetKind.EMERGENCY}
    scribe.write(Kind.HANDOVER, order.id, agent=order.agent, **told)
    row = store.order_row(order.id, call=order.call, agent=order.agent, at=board.clock.now(), told=told)
    if row is not None:
        try:
            async with asyncio.timeout(_AT_ONCE_SECONDS), board.database.transaction() as session:
                await store.keep(session, [row])
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.info("handover.left_to_the_journal", call=order.call, reason=type(error).__name__)
    if target.agent:
        await board.pops.tell(target.agent, FRAME, body)
    return HandedOver(order.id, body, row is not None)
