"""When Redis may have forgotten (flush, restart, failover): a new site epoch, and all is said again."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from acd import presence
from acd.errors import EpochChanged
from acd.states import CallState
from ami.errors import AmiError
from calls.devices import Devices
from calls.live import LiveCall
from calls.models import SiteEpochRow
from calls.queueing import request
from calls.switchboard import Switchboard
from hotline.errors import HotlineError, PartUnavailable

_log = structlog.get_logger(__name__)


async def next_epoch(board: Switchboard) -> int:
    """A number above every epoch there was. It is the wall clock in milliseconds, raised if the clock went back;
    without PostgreSQL the clock alone has to do."""
    now_ms = board.clock.now_ms()
    statement = insert(SiteEpochRow).values(id=1, number=now_ms)
    try:
        async with board.database.transaction() as session:
            raised = await session.execute(
                statement.on_conflict_do_update(
                    index_elements=["id"],
                    set_={"number": func.greatest(SiteEpochRow.number + 1, statement.excluded.number)},
                ).returning(SiteEpochRow.number)
            )
            return raised.scalar_one()
    except (SQLAlchemyError, OSError, TimeoutError):
        _log.warning("epoch.without_database")
        return now_ms


async def rebuild(board: Switchboard, devices: Devices) -> bool:
    """Open (or join) the new epoch and send again what this process knows: its calls, its talks, the agents' wishes
    and every phone's state. Nobody is offered a call meanwhile. Returns whether it went through."""
    try:
        epoch = await board.acd.open_epoch(await next_epoch(board))
        _log.warning("epoch.rebuilding", epoch=epoch, calls=len(board.live))
        await board.queues.tell()
        await _resend_agents(board)
        for live in list(board.live.values()):
            await _said(resend(board, live))
    except (EpochChanged, PartUnavailable) as error:
        _log.warning("epoch.rebuild_failed", reason=type(error).__name__)
        return False
    try:
        await devices.reconcile()
    except AmiError as error:
        # Said again on every connect; until then nobody is offered.
        _log.info("epoch.devices_unknown", code=error.code)
    return True


async def resend(board: Switchboard, live: LiveCall) -> None:
    """Say again what one call of ours is doing. Raises Conflict when something as real is in the way, EpochChanged."""
    offer = live.offer
    if offer is not None:
        state = CallState.TALKING if live.answered else CallState.RINGING
        renewed = await board.acd.resend_talk(request(live, board.process), offer, state)
        if live.offer is offer:
            live.offer = renewed
    elif not live.answered and live.queued_ms is not None:
        await board.acd.resend_call(request(live, board.process))


async def _said(step: Awaitable[None]) -> None:
    """One call or agent that is refused (its seat or its agent is taken by something as real) must not keep all others
    out of the new epoch."""
    try:
        await step
    except (EpochChanged, PartUnavailable):
        raise
    except HotlineError as error:
        _log.warning("epoch.not_taken_up", code=error.code)


async def _resend_agents(board: Switchboard) -> None:
    try:
        async with board.database.transaction() as session:
            present = await presence.load(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        # Their own screens will say it again; until then nobody is offered, and callers keep their place.
        _log.warning("epoch.presence_unavailable")
        return
    for wish in present:
        await _said(board.acd.restore_agent(wish.agent, wish.extension, wish.groups, wish.wanted, wish.reason))
