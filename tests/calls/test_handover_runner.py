"""The outbox, delivered to a real HTTP server: retried, deduplicated, and nobody held up by somebody else's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from calls import handover_store as store
from calls.handover_keys import PartnerKeys
from calls.handover_models import HandoverRow, HandoverState
from calls.handover_runner import HandoverPolicy, HandoverRunner
from calls.handover_store import HandoverClosed
from directory.models import Partner, PartnerKind
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import NotFound
from hotline.tasks import end
from tests.calls.webhook import KEY, Platform
from ticketing.models import TicketCallRow, TicketRow

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CALL = "ast1-1763761000.12"
POLICY = HandoverPolicy(
    site="smx",
    answer_seconds=0.5,
    retry=timedelta(seconds=10),
    longest_retry=timedelta(seconds=60),
    keep=timedelta(hours=48),
)


@dataclass
class Outbox:
    """The outbox of a site whose clock moves only when told."""

    database: Database
    keys: PartnerKeys
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    serial: int = 0

    async def partner(self, code: str, webhook: str, *, key: str = KEY) -> None:
        """A platform, and its key."""
        async with self.database.transaction() as session:
            session.add(Partner(code=code, name=code, kind=PartnerKind.BRANCH, trunk="", webhook=webhook))
        if key:
            self.keys.change(code, key)

    async def order(self, partner: str = "branch-12366", call: str = CALL, **told: Any) -> str:
        """An order, as the call's fact tells of it; returns its id."""
        self.serial += 1
        identity = f"{self.serial:032x}"
        attributes = {"partner": partner, "target": "line:12366", "caller": "+8613812345678"} | told
        row = store.order_row(identity, call=call, agent="1001", at=self.clock.now(), told=attributes)
        assert row is not None
        async with self.database.transaction() as session:
            await store.keep(session, [row])
        return identity

    async def row(self, identity: str) -> HandoverRow:
        async with self.database.transaction() as session:
            found = await session.get(HandoverRow, identity)
            assert found is not None
            return found

    async def until(self, identity: str, known: Callable[[HandoverRow], bool]) -> HandoverRow:
        """The row once this is so."""
        async with asyncio.timeout(15):
            while not known(row := await self.row(identity)):
                await asyncio.sleep(0.01)
        return row

    async def delivered(self, *identities: str) -> None:
        for identity in identities:
            await self.until(identity, lambda row: row.state == HandoverState.DELIVERED)

    def runner(self) -> HandoverRunner:
        return HandoverRunner(database=self.database, keys=self.keys, clock=self.clock, policy=POLICY)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[HandoverRunner]:
        """A jobs process' part."""
        runner = self.runner()
        task = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            await end([task])


@pytest.fixture
async def outbox(database_url: str, tmp_path: Path) -> AsyncIterator[Outbox]:
    database = Database(database_url)
    yield Outbox(database, PartnerKeys(tmp_path / "partner-keys.json"))
    await database.close()


@pytest.fixture
async def platform(outbox: Outbox) -> AsyncIterator[Platform]:
    async with Platform() as platform:
        await outbox.partner("branch-12366", platform.webhook)
        yield platform


async def test_it_is_delivered_signed_and_once(outbox: Outbox, platform: Platform) -> None:
    async with outbox.running():
        identity = await outbox.order(summary="发票打不开", location="湖滨区黄河路1号")
        await outbox.delivered(identity)
    (request,) = platform.requests
    assert (request.id, request.sender, request.timestamp) == (identity, "smx", int(NOW.timestamp()))
    assert request.body == {
        "id": identity,
        "site": "smx",
        "call": CALL,
        "target": "line:12366",
        "agent": "1001",
        "ordered_at": NOW.isoformat(),
        "urgent": False,
        "caller": "+8613812345678",
        "caller_name": "",
        "confidential": False,
        "summary": "发票打不开",
        "location": "湖滨区黄河路1号",
        "ticket": None,
    }


async def test_a_new_order_is_sent_at_its_commit(outbox: Outbox, platform: Platform) -> None:
    """Without the notice from PostgreSQL it would wait for the next look, a second away."""
    async with outbox.running() as runner:
        await outbox.delivered(await outbox.order())
        assert not runner._wake.is_set()
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            await platform_takes(platform, outbox)
        took = asyncio.get_running_loop().time() - began
    assert took < 4.0, "five waits of a second each"


async def platform_takes(platform: Platform, outbox: Outbox) -> None:
    before = len(platform.requests)
    await outbox.order()
    await platform.arrived(before + 1)


async def test_the_link_is_down_and_it_is_delivered_once_when_it_is_back(outbox: Outbox, platform: Platform) -> None:
    await platform.down()
    async with outbox.running() as runner:
        identity = await outbox.order()
        await outbox.until(identity, lambda row: row.attempts == 1 and row.claimed_until is None)
        assert (await outbox.row(identity)).why == "ConnectError"
        outbox.clock.advance(10)
        runner._wake.set()
        await outbox.until(identity, lambda row: row.attempts == 2 and row.claimed_until is None)
        await platform.up()
        outbox.clock.advance(20)
        runner._wake.set()
        await outbox.delivered(identity)
    assert platform.taken == {identity: 1}


async def test_one_that_gets_through_brings_all_that_waited(outbox: Outbox, platform: Platform) -> None:
    platform.answer = 503
    async with outbox.running() as runner:
        waiting = [await outbox.order() for _ in range(5)]
        for identity in waiting:
            await outbox.until(identity, lambda row: row.why == "http_503")
        platform.answer = 200
        # A fresh one is due at once; those that were in vain would have to wait.
        fresh = await outbox.order()
        await outbox.delivered(fresh, *waiting)
        assert runner is not None
    assert platform.taken == dict.fromkeys([fresh, *waiting], 1)


async def test_while_nobody_answers_one_of_many_knocks(outbox: Outbox, platform: Platform) -> None:
    platform.answer = 503
    async with outbox.running() as runner:
        waiting = [await outbox.order() for _ in range(6)]
        for identity in waiting:
            await outbox.until(identity, lambda row: row.attempts == 1 and row.claimed_until is None)
        before = len(platform.requests)
        outbox.clock.advance(10)
        runner._wake.set()
        knocked = await platform.arrived(before + 1)
        await asyncio.gather(*(outbox.until(one, lambda row: row.claimed_until is None) for one in waiting))
        # Two senders at the most were under way when the first one's failure put the others off.
        assert 1 <= len(knocked) - before <= 2


async def test_a_platform_that_hangs_holds_up_nobody_else(outbox: Outbox, platform: Platform) -> None:
    async with Platform(answer=0) as hung:
        await outbox.partner("province", hung.webhook)
        async with outbox.running():
            stuck = await outbox.order("province")
            await hung.arrived(1)
            others = [await outbox.order() for _ in range(5)]
            await outbox.delivered(*others)
            assert hung.held == 1
            row = await outbox.until(stuck, lambda row: row.why != "")
    assert (row.state, row.why) == ("pending", "TimeoutError")
    assert row.next_at == NOW + POLICY.retry


async def test_a_fresh_one_does_not_wait_behind_one_that_hangs(outbox: Outbox, platform: Platform) -> None:
    platform.answer = 0
    async with outbox.running():
        stuck = await outbox.order()
        await platform.arrived(1)
        platform.answer = 200
        fresh = await outbox.order()
        await platform.arrived(2)
        assert (await outbox.row(stuck)).claimed_until is not None, "still under way"
        await outbox.delivered(fresh)


async def test_what_the_platform_has_against_one_does_not_stop_the_others(outbox: Outbox, platform: Platform) -> None:
    platform.answer = 422
    async with outbox.running():
        refused = await outbox.order()
        await outbox.until(refused, lambda row: row.why == "http_422")
        second = await outbox.order()
        await outbox.until(second, lambda row: row.why == "http_422")
    assert [(await outbox.row(one)).next_at for one in (refused, second)] == [NOW + POLICY.retry] * 2


async def test_a_redirect_is_not_followed(outbox: Outbox, platform: Platform) -> None:
    """Data of citizens go where the directory says, and nowhere else."""
    async with Platform() as elsewhere:
        platform.answer, platform.redirect = 307, elsewhere.webhook
        async with outbox.running():
            identity = await outbox.order()
            await outbox.until(identity, lambda row: row.why == "http_307")
        assert elsewhere.requests == []


async def test_every_repeat_is_the_same(outbox: Outbox, platform: Platform) -> None:
    """The ticket was written after the first try: the platform that has seen the first must not see another content."""
    platform.answer = 500
    async with outbox.running() as runner:
        identity = await outbox.order()
        await outbox.until(identity, lambda row: row.why == "http_500")
        await ticket(outbox)
        platform.answer = 200
        outbox.clock.advance(10)
        runner._wake.set()
        await outbox.delivered(identity)
    first, second = platform.requests
    assert (first.raw, first.id) == (second.raw, second.id)
    assert second.timestamp == first.timestamp + 10


async def test_a_process_that_dies_while_it_sends_leaves_it_to_another(outbox: Outbox, platform: Platform) -> None:
    platform.answer = 0
    async with outbox.running():
        identity = await outbox.order()
        await platform.arrived(1)
    platform.answer = 200
    async with outbox.running() as runner:
        # Claimed by the dead one: nobody else sends it before that runs out.
        async with asyncio.timeout(15):
            while runner._sending or not await listening(outbox):
                await asyncio.sleep(0.01)
        assert len(platform.requests) == 1
        outbox.clock.advance(POLICY.answer_seconds * 3 + 1)
        runner._wake.set()
        await outbox.delivered(identity)
    assert [request.id for request in platform.requests] == [identity, identity]


async def listening(outbox: Outbox) -> bool:
    rows = await outbox.database.ask(text("SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen%handover%'"))
    return bool(rows[0][0])


async def test_two_jobs_processes_send_each_once(outbox: Outbox, platform: Platform) -> None:
    async with outbox.running(), outbox.running():
        all_of_them = [await outbox.order() for _ in range(30)]
        await outbox.delivered(*all_of_them)
    assert platform.taken == dict.fromkeys(all_of_them, 1)


@pytest.mark.parametrize("gone", ["disabled", "removed", "no webhook"])
async def test_a_platform_that_is_no_longer_one_is_given_up(outbox: Outbox, platform: Platform, gone: str) -> None:
    change = {
        "disabled": update(Partner).values(disabled_at=NOW),
        "removed": delete(Partner),
        "no webhook": update(Partner).values(webhook=""),
    }[gone]
    async with outbox.database.transaction() as session:
        await session.execute(change)
    async with outbox.running():
        identity = await outbox.order()
        row = await outbox.until(identity, lambda row: row.state == HandoverState.GIVEN_UP)
    assert (row.why, platform.requests) == ("no_webhook", [])


async def test_what_is_too_old_is_given_up_and_may_be_begun_anew(outbox: Outbox, platform: Platform) -> None:
    identity = await outbox.order()
    outbox.clock.advance(48 * 3600 + 1)
    async with outbox.running():
        row = await outbox.until(identity, lambda row: row.state == HandoverState.GIVEN_UP)
        assert (row.why, row.closed_at) == ("too_old", outbox.clock.now())
        async with outbox.database.transaction() as session:
            await store.try_now(session, identity, now=outbox.clock.now())
        await outbox.delivered(identity)
        with pytest.raises(HandoverClosed):
            async with outbox.database.transaction() as session:
                await store.try_now(session, identity, now=outbox.clock.now())
        with pytest.raises(NotFound):
            async with outbox.database.transaction() as session:
                await store.try_now(session, "0" * 32, now=outbox.clock.now())


async def test_without_a_key_nothing_is_sent_until_there_is_one(outbox: Outbox) -> None:
    async with Platform() as platform:
        await outbox.partner("branch-12366", platform.webhook, key="")
        async with outbox.running() as runner:
            identity = await outbox.order()
            await outbox.until(identity, lambda row: row.why == "no_key")
            outbox.keys.change("branch-12366", KEY)
            outbox.clock.advance(10)
            runner._wake.set()
            await outbox.delivered(identity)
        assert len(platform.requests) == 1


def test_pauses_double_up_to_the_longest() -> None:
    assert [POLICY.pause(attempts).total_seconds() for attempts in (1, 2, 3, 4, 1_000)] == [10, 20, 40, 60, 60]


async def ticket(outbox: Outbox, **columns: Any) -> None:
    """A ticket that is linked to the call."""
    row = TicketRow(
        **{
            "number": "SMX20261120000001",
            "type": "complaint",
            "title": "小区停水",
            "content": "",
            "source": "phone",
            "caller_number": "+8613812345678",
            "caller_name": "张三",
            "address": "湖滨区黄河路1号",
            "area_code": "411202",
            "urgency": "urgent",
            "confidentiality": "open",
            "hotline": "12345",
            "unit_tag": "",
            "state": "registered",
            "version": 1,
            "registered_by": "1001",
            "registered_at": NOW,
            "updated_at": NOW,
        }
        | columns
    )
    async with outbox.database.transaction() as session:
        session.add(row)
        await session.flush()
        session.add(TicketCallRow(ticket_id=row.id, call_id=CALL, linked_at=NOW))


async def test_the_ticket_of_the_call_goes_with_it(outbox: Outbox, platform: Platform) -> None:
    await ticket(outbox)
    async with outbox.running():
        await outbox.delivered(await outbox.order())
    told = platform.requests[0].body
    assert told["ticket"] == {
        "number": "SMX20261120000001",
        "title": "小区停水",
        "type": "complaint",
        "type_term": "投诉",
        "urgency": "urgent",
        "urgency_term": "紧急",
        "area_code": "411202",
    }
    assert (told["summary"], told["location"], told["caller_name"]) == ("小区停水", "湖滨区黄河路1号", "张三")


@pytest.mark.parametrize("word", ["confidential", "anonymous"])
async def test_who_asked_for_confidence_is_not_made_known(outbox: Outbox, platform: Platform, word: str) -> None:
    await ticket(outbox, confidentiality=word)
    async with outbox.running():
        await outbox.delivered(await outbox.order())
    told = platform.requests[0].body
    assert (told["caller"], told["caller_name"], told["location"]) == ("138****5678", "", "")
    assert told["confidential"] is True


async def test_an_emergency_desk_must_find_them(outbox: Outbox, platform: Platform) -> None:
    await ticket(outbox, confidentiality="confidential")
    async with outbox.running():
        await outbox.delivered(await outbox.order(urgent=True))
    told = platform.requests[0].body
    assert (told["caller"], told["location"], told["urgent"]) == ("+8613812345678", "湖滨区黄河路1号", True)


async def test_an_outage_of_postgresql_is_survived(
    outbox: Outbox, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    real: Callable[..., Awaitable[Any]] = Database.ask

    async def away(*_: Any) -> Any:
        asked.set()
        raise OSError

    monkeypatch.setattr(Database, "ask", away)
    async with outbox.running() as runner:
        async with asyncio.timeout(10):
            await asked.wait()
        monkeypatch.setattr(Database, "ask", real)
        identity = await outbox.order()
        runner._wake.set()
        await outbox.delivered(identity)
