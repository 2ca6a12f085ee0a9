"""A process that publishes one version after the other, to be killed: `python -m tests.ivr.publisher URL MOMENT`.

MOMENT `any`: as fast as it can. `statements`, `before_commit`, `after_commit`: it says so on its standard output when
it comes there with the second version, and stays there.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time

import structlog
from sqlalchemy import event

from directory import audit
from hotline.clock import SystemClock
from hotline.database import Database
from ivr import drafts, releases
from ivr.drafts import Draft
from ivr.releases import Release
from tests.ivr.menus import flow, newest, sound


def _stay(moment: str) -> None:
    print(moment, flush=True)
    time.sleep(600)


async def _publish(database: Database, number: int, moment: str) -> None:
    now = SystemClock().now()
    async with database.transaction() as session:
        revision = await newest(session, "main")
        draft = await drafts.save(session, flow(text=str(number)), revision=revision, editor="li", now=now)
        assert isinstance(draft, Draft)
        row = await releases.publish(session, Release("main", draft.revision, "", "li"), sound, now=now)
        told = {"version": row.version}
        await audit.record(session, at=now, actor="li", action="menu.published", subject="menu:main", after=told)
        if moment == "statements" and number > 1:
            _stay(moment)
        if moment == "before_commit" and number > 1:
            event.listen(session.sync_session, "before_commit", lambda _session: _stay(moment), once=True)
    if moment == "after_commit" and number > 1:
        _stay(moment)
    print(row.version, flush=True)


async def _main(url: str, moment: str) -> None:
    database = Database(url)
    async with database.transaction() as session:
        first = await newest(session, "main") + 1
    for number in itertools.count(first):
        await _publish(database, number, moment)


if __name__ == "__main__":
    # Standard output is for whoever kills us.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
