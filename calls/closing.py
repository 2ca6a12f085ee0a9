"""A queue closes (下班) while calls wait in it: they go on in the one that its hours name, at their places."""

from __future__ import annotations

from calls.switchboard import Switchboard


async def move_on(board: Switchboard) -> None:
    """Move this process's waiting calls out of queues that have just closed. Ask often; a call that does not wait any
    more is left alone."""
    for queue, taken_by in board.queues.closed_lately(board.clock.now()).items():
        for live in list(board.live.values()):
            if live.queue == queue and live.queued_ms is not None and not live.answered:
                await board.acd_step(board.acd.move(live.call, taken_by))
