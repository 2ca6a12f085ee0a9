"""Item 5: web, jobs and PostgreSQL are killed at random under load; what was acknowledged is there, and once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx

from calls.handover_keys import FILE as KEYS
from calls.handover_keys import PartnerKeys
from directory import repository as directory
from hotline.clock import SystemClock
from hotline.errors import PartUnavailable
from tests.accept.line import Line, database_rows, eventually
from tests.accept.scenario import Scale
from tests.accept.ticketing.insisting import Acknowledged, Office, hire
from tests.accept.ticketing.receiving import Receiving, receiving
from ticketing.exchange.receivers import name_of_key
from ticketing.limits import Limits
from ticketing.policy import TicketPolicy
from ticketing.vocabulary import Urgency

LINE: Mapping[str, Any] = {"allowed_hosts": ["127.0.0.1"], "answer_seconds": 1.0, "longest_retry_seconds": 1.0}
"""Settings of the exchange: the receiver is on this machine, and is tried again soon."""

_KILLED = ("web", "jobs", "postgres")
_CLIENTS = 6
_LONG_AGO = timedelta(days=60)


async def killed(line: Line, scale: Scale) -> str:
    """Clients insist, parts die in a random order, each at least once; the supervisor starts them again."""
    await line.in_thread(line.stack.start, ["web", "jobs"])
    unit = await hire(line)
    chosen = random.SystemRandom().randrange(2**32)
    print(f"kills of seed {chosen}", flush=True)
    async with httpx.AsyncClient(base_url=line.web, timeout=10.0) as http, receiving() as told:
        office = Office(http, unit)
        await _receiver(line, office, told)
        started = time.monotonic()
        until = started + scale(210, 0)
        running = [asyncio.create_task(_client(office, number, chosen)) for number in range(_CLIENTS)]
        aging = asyncio.create_task(_let_lie(line, office))
        try:
            kills = await _kill(line, office.kept, running, random.Random(chosen), until)
            for client in running:
                client.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        finally:
            for task in (*running, aging):
                task.cancel()
            await asyncio.gather(*running, aging, return_exceptions=True)
        for name in ("postgres", "web", "jobs"):
            await line.in_thread(line.stack.wait_ready, name)
        await _age(line, office.left_alone)
        await _settled(line, told)
        kept = office.kept
        await _all_there(line, kept)
        await _once(line, office.left_alone, told)
    assert kept.again, "nothing died while anybody asked"
    killings = ", ".join(f"{name} {kills.count(name)}" for name in _KILLED)
    return (
        f"killed {killings}; {kept.count} acknowledged, {kept.again} asked again, {len(office.left_alone)} overdue,"
        f" {len(told.came)} events told, {len(told.came) - len(told.ids)} of them again"
    )


async def _receiver(line: Line, office: Office, told: Receiving) -> None:
    PartnerKeys(line.settings.var_dir / KEYS).change(name_of_key("watch"))
    entered = {"name": "数据平台", "scope": "all", "webhook": f"http://127.0.0.1:{told.port}/events"}
    answer = await office.admin.ask("PUT", "/api/exchange/receivers/watch", json=entered)
    assert answer.status_code == 200, answer.text


async def _client(office: Office, number: int, chosen: int) -> None:
    chance = random.Random(chosen + number)
    count = 0
    while True:
        count += 1
        await office.life(f"load-{chosen}-{number}-{count}", chance)


async def _kill(
    line: Line, kept: Acknowledged, running: list[asyncio.Task[None]], chance: random.Random, until: float
) -> list[str]:
    """One part after the other, each after some more was acknowledged; each at least once, and until the time is up."""
    order = chance.sample(_KILLED, len(_KILLED))
    kills: list[str] = []
    while order or time.monotonic() < until:
        name = order.pop() if order else chance.choice(_KILLED)
        wanted = kept.count + chance.randint(4, 20)

        async def acknowledged(wanted: int = wanted) -> bool:
            for client in running:
                if client.done():
                    client.result()
            return kept.count >= wanted

        await eventually(acknowledged, f"work goes on after {kills[-1:]}", seconds=90.0)
        # Of this line alone: the pid is its supervisor's word.
        with suppress(PartUnavailable, ProcessLookupError):
            os.kill(await line.in_thread(line.stack.pid, name), signal.SIGKILL)
            kills.append(name)
    wanted = kept.count + 10

    async def more() -> bool:
        return kept.count >= wanted

    await eventually(more, "work goes on at the end", seconds=90.0)
    return kills


async def _let_lie(line: Line, office: Office) -> None:
    """Time passes for what nobody signs for, again and again."""
    while True:
        with suppress(Exception):
            await _age(line, office.left_alone)
        await asyncio.sleep(1.0)


async def _age(line: Line, numbers: list[str]) -> None:
    """What was dispatched lies there for two months."""
    then = SystemClock().now() - _LONG_AGO
    ends = await _ends(line, then)
    await database_rows(
        line,
        "WITH lying AS (SELECT id FROM ticket WHERE number = ANY($1) AND state = 'to_sign'), aged AS ("
        " UPDATE ticket_assignment SET delivered_at = $2 WHERE ticket_id IN (SELECT id FROM lying))"
        " UPDATE ticket_clock SET begun_at = $2, ends_at = $3, next_at = $2"
        " WHERE ticket_id IN (SELECT id FROM lying) AND kind = 'handling' AND begun_at > $2 + interval '1 day'",
        numbers,
        then,
        ends,
    )


async def _ends(line: Line, then: datetime) -> datetime:
    """As the line's own calendar has it, so that an amended calendar does not move it."""
    async with line.database.transaction() as session:
        limits = Limits(await directory.workdays(session), line.settings.site.timezone)
    return limits.handling(then, Urgency.GENERAL, TicketPolicy()).ends_at


async def _settled(line: Line, told: Receiving) -> None:
    """Until the jobs have told of everything."""

    async def quiet() -> bool:
        (row,) = await database_rows(
            line,
            "SELECT (SELECT count(*) FROM ticket_clock WHERE next_at <= now())"
            " + (SELECT count(*) FROM exchange_event WHERE NOT shared)"
            " + (SELECT last - sent_to FROM exchange_receiver WHERE code = 'watch')"
            " + (SELECT count(*) FROM exchange_delivery WHERE receiver = 'watch') AS waiting",
        )
        return row["waiting"] == 0 and bool(told.came)

    await eventually(quiet, "everything is told", seconds=90.0, every=0.3)


async def _all_there(line: Line, kept: Acknowledged) -> None:
    """Every acknowledged request."""
    rows = await database_rows(line, "SELECT request_key, number FROM ticket WHERE request_key LIKE 'load-%'")
    by_key = {row["request_key"]: row["number"] for row in rows}
    assert len(by_key) == len(rows)
    lost = {key: number for key, number in kept.registered.items() if by_key.get(key) != number}
    assert not lost, f"registered and not there, or twice: {lost}"
    history = await database_rows(
        line,
        "SELECT t.number, h.version, h.action FROM ticket_history h JOIN ticket t ON t.id = h.ticket_id",
    )
    done = [tuple(row) for row in history]
    assert len(set(done)) == len(done)
    missing = set(kept.actions) - set(done)
    assert not missing, f"acknowledged and not there: {missing}"
    contacts = await database_rows(line, "SELECT id FROM ticket_citizen_contact WHERE id = ANY($1)", kept.contacts)
    assert len(contacts) == len(kept.contacts) == len(set(kept.contacts))


async def _once(line: Line, left_alone: list[str], told: Receiving) -> None:
    """Every side effect: history, notices, supervisions, leads; events at least once and in order."""
    broken = await database_rows(
        line,
        "SELECT t.number FROM ticket t JOIN ticket_history h ON h.ticket_id = t.id GROUP BY t.id"
        " HAVING count(*) <> t.version OR max(h.version) <> t.version OR min(h.version) <> 1",
    )
    assert not broken, f"history with gaps: {broken}"
    effects = await database_rows(
        line,
        "SELECT t.number,"
        " (SELECT count(*) FROM ticket_notice n JOIN ticket_clock c ON c.id = n.clock_id"
        "  WHERE n.ticket_id = t.id AND c.kind = 'handling' AND n.kind = 'overdue') AS notices,"
        " (SELECT count(*) FROM ticket_supervision s WHERE s.ticket_id = t.id) AS supervisions,"
        " (SELECT count(*) FROM ticket_accountability_lead l WHERE l.ticket_id = t.id) AS leads"
        " FROM ticket t WHERE t.number = ANY($1)",
        left_alone,
    )
    wrong = [dict(row) for row in effects if (row["notices"], row["supervisions"], row["leads"]) != (1, 1, 1)]
    assert len(effects) == len(left_alone)
    assert not wrong, f"not once each: {wrong}"
    events = await database_rows(
        line,
        "SELECT uid, ticket_id, ticket_version, told FROM exchange_event e JOIN exchange_feed f ON f.event_id = e.id"
        " AND f.receiver = 'watch'",
    )
    acts = [(row["ticket_id"], row["ticket_version"]) for row in events if row["told"] == "ticket"]
    assert len(set(acts)) == len(acts), "an action has two events"
    (count,) = await database_rows(line, "SELECT count(*) FROM ticket_history")
    assert len(acts) == count[0], f"{count[0]} actions and {len(acts)} events"
    assert {row["uid"] for row in events} == told.ids, "not every event was told, or one that is none"
    mixed = {number: order for number, order in told.first_order().items() if order != sorted(order)}
    assert not mixed, f"a ticket's events came out of order: {mixed}"
