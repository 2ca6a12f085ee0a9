"""The end of an agent's part in a call: after-call work (话后整理) in the ACD, in the journal and on the screen."""

from __future__ import annotations

from acd.model import Offer
from calls.facts import Kind
from calls.live import LiveCall
from calls.switchboard import Switchboard


async def agent_free(
    board: Switchboard,
    live: LiveCall,
    offer: Offer,
    *,
    by: str = "agent",
    at_ms: int | None = None,
    told: bool = False,
    wrap_up_ms: int | None = None,
    phone_free: bool = True,
) -> None:
    """The agent's part is over, whatever becomes of the citizen. `told`: the ACD knows already. `wrap_up_ms`: None
    for the queue's. `phone_free`: the agent's leg is over with it."""
    if wrap_up_ms is None:
        wrap_up_ms = board.queues.wrap_up_ms(offer.queue)
    live.scribe.write(Kind.WRAP_UP, offer.reservation, agent=offer.agent, at_ms=at_ms, wrap_up_ms=wrap_up_ms)
    if not told:
        await board.acd_step(board.acd.finished(offer, wrap_up_ms, phone_free=phone_free))
    await board.pops.tell(offer.agent, "call_ended", {"call": live.call, "ended_by": by})


async def give_on(
    board: Switchboard,
    live: LiveCall,
    offer: Offer,
    *,
    queue: str = "",
    prefer: str = "",
    wrap_up_ms: int | None = None,
    at_ms: int | None = None,
) -> None:
    """The agent's part is over and the citizen is to have another one, at the place of the time of entry; with `prefer`
    the same one first. The citizen's session must ask for it (`Joining.join`). Raises what `Acd.requeue` does; then
    nothing has changed."""
    await board.acd.requeue(offer, queue or offer.queue, prefer=prefer, wrap_up_ms=wrap_up_ms)
    await agent_free(board, live, offer, at_ms=at_ms, told=True, wrap_up_ms=wrap_up_ms)
    live.answered = live.answer_heard = False
