"""漏接电话回拨: who is owed a callback, when, and when no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from calls import callback_store as store
from calls import nuisance
from calls.callback_models import CallbackAttemptRow, CallbackRow, MissedCallRow
from calls.callback_policy import CallbackPolicy, NotCallable, digits_to_dial
from calls.callback_states import CALLBACK_MOVES, CLOSED, CallbackState
from calls.callbacks import CallbackIntake
from calls.missed import MissedCalls
from calls.models import CallRow, JournalRow
from calls.nuisance import NewFlag
from calls.nuisance_evidence import Piece
from calls.nuisance_tables import Measure
from directory.loader import CurrentDirectory
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.settings import Settings
from tests.calls.line import DIRECTORY, StandingDirectory
from tests.calls.test_jobs_and_health import promise

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""Twelve o'clock in the city."""

MOBILE = "+8613812345678"


class Desk:
    """The jobs process' part, by a clock that moves when told."""

    def __init__(self, database_url: str, **policy: Any) -> None:
        self.clock = ManualClock(NOON)
        self.database = Database(database_url)
        self.policy = CallbackPolicy.of(Settings(callbacks=policy))
        self.missed = MissedCalls(
            database=self.database,
            directory=cast(CurrentDirectory, StandingDirectory()),
            policy=self.policy,
            clock=self.clock,
            process="ast1/jobs",
        )
        self._calls = 0

    async def gave_up(self, caller: str | None = MOBILE, *, waited: float = 30.0, **columns: Any) -> str:
        """A call that has just been given up."""
        self._calls += 1
        call = f"ast1-1763761000.{self._calls}"
        now = self.clock.now()
        row = {"line": "12300", "dialled": "12300", "mode": "merged", "outcome": "abandoned"} | columns
        async with self.database.transaction() as session:
            session.add(
                CallRow(
                    call_id=call, caller=caller, entered_at=now - timedelta(seconds=waited), ended_at=now, **row
                )
            )  # fmt: skip
        return call

    async def answered(self, caller: str = MOBILE) -> None:
        """A call that is answered at this moment."""
        now = self.clock.now()
        call = await self.gave_up(caller, outcome="answered", answered_at=now)
        assert call

    async def promises(self) -> list[CallbackRow]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(CallbackRow).order_by(CallbackRow.id)))

    async def verdicts(self) -> dict[str, str]:
        async with self.database.transaction() as session:
            return {row.call_id: row.verdict for row in await session.scalars(select(MissedCallRow))}

    async def claim(self, process: str = "ast1/voice-1") -> list[int]:
        async with self.database.transaction() as session:
            return [claim.row.id for claim in await store.claim(session, process, self.policy, self.clock.now())]


@pytest.fixture
async def desk(database_url: str) -> Any:
    desk = Desk(database_url)
    yield desk
    await desk.database.close()


async def test_one_who_gave_up_is_called_a_minute_later(desk: Desk) -> None:
    call = await desk.gave_up()
    await desk.missed.step()
    (row,) = await desk.promises()
    assert (row.kind, row.caller, row.line, row.call_id, row.state) == ("missed", MOBILE, "12300", call, "open")
    assert row.next_at == NOON + timedelta(seconds=60)
    assert await desk.claim() == []
    desk.clock.advance(60)
    assert await desk.claim() == [row.id]


async def test_looked_at_once_however_often_the_job_runs(desk: Desk) -> None:
    for number in range(20):
        await desk.gave_up(f"+86138000000{number:02}")
    for _ in range(3):
        await desk.missed.step()
    assert len(await desk.promises()) == 20
    assert set((await desk.verdicts()).values()) == {"promised"}


async def test_several_calls_are_one_promise(desk: Desk) -> None:
    first = await desk.gave_up()
    await desk.missed.step()
    desk.clock.advance(30)
    second, third = await desk.gave_up(), await desk.gave_up()
    await desk.missed.step()
    (row,) = await desk.promises()
    assert row.call_id == first
    assert await desk.verdicts() == {first: "promised", second: "folded", third: "folded"}


async def test_whoever_got_through_meanwhile_is_not_called(desk: Desk) -> None:
    call = await desk.gave_up()
    await desk.missed.step()
    desk.clock.advance(20)
    await desk.answered()
    await desk.missed.step()
    (row,) = await desk.promises()
    assert (row.state, row.outcome, row.closed_at) == ("cancelled", "got_through", desk.clock.now())
    async with desk.database.transaction() as session:
        told = await session.scalar(select(JournalRow).where(JournalRow.call_id == call))
    assert told is not None
    assert (told.kind, told.attributes) == ("callback_outcome", {"outcome": "got_through"})


async def test_answered_before_it_was_looked_at(desk: Desk) -> None:
    call = await desk.gave_up()
    desk.clock.advance(1)
    await desk.answered()
    await desk.missed.step()
    assert await desk.promises() == []
    assert (await desk.verdicts())[call] == "answered_since"


async def test_calls_again_and_gives_up_again_is_still_one(desk: Desk) -> None:
    await desk.gave_up()
    await desk.missed.step()
    desk.clock.advance(40)
    await desk.gave_up()
    await desk.missed.step()
    assert [row.state for row in await desk.promises()] == ["open"]


async def test_a_later_matter_is_a_new_promise(desk: Desk) -> None:
    await desk.gave_up()
    await desk.missed.step()
    desk.clock.advance(20)
    await desk.answered()
    await desk.missed.step()
    desk.clock.advance(3600)
    await desk.gave_up()
    await desk.missed.step()
    assert [row.state for row in await desk.promises()] == ["cancelled", "open"]


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        ({"waited": 4.9}, "short"),
        ({"caller": None}, "not_callable"),
        ({"caller": "110"}, "not_callable"),
        ({"caller": "+864008123456"}, "not_callable"),
        ({"mode": "emergency", "line": "120"}, "emergency"),
    ],
)
async def test_who_is_not_called_back(desk: Desk, columns: dict[str, Any], verdict: str) -> None:
    call = await desk.gave_up(**columns)
    await desk.missed.step()
    assert await desk.promises() == []
    assert await desk.verdicts() == {call: verdict}


async def test_a_caller_limited_for_misuse_is_owed_nothing(desk: Desk) -> None:
    flag = NewFlag(
        caller=MOBILE,
        measure=Measure.LIMIT,
        reason="恶意拨打",
        evidence=(Piece(call="ast1-1763761000.1"),),
        expires_at=NOON + timedelta(days=1),
        calls_per_hour=1,
        queue="",
    )
    call = await desk.gave_up()
    async with desk.database.transaction() as session:
        await nuisance.flag(session, flag, by="9001", now=desk.clock.now())
    await desk.missed.step()
    assert await desk.verdicts() == {call: "limited"}


async def test_our_own_attempts_are_nobodys_missed_calls(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        session.add(
            CallRow(
                call_id="call-back-7.1", caller=MOBILE, line="12300", outcome="abandoned",
                entered_at=NOON - timedelta(seconds=60), ended_at=NOON,
            )
        )  # fmt: skip
    await desk.missed.step()
    assert await desk.promises() == []


async def test_off_by_policy(database_url: str) -> None:
    desk = Desk(database_url, missed=False)
    await desk.gave_up()
    await desk.missed.step()
    assert await desk.promises() == []
    await desk.database.close()


async def test_what_the_dialplan_promised_is_kept_too(desk: Desk, tmp_path: Path) -> None:
    promise(tmp_path, "ast1-1763761000.77")
    intake = CallbackIntake(
        spool=tmp_path,
        database=desk.database,
        directory=cast(CurrentDirectory, StandingDirectory()),
        process="ast1/jobs",
    )
    assert await intake.step() == 1
    await desk.missed.step()
    (row,) = await desk.promises()
    assert (row.kind, row.caller, row.call_id) == ("spool", MOBILE, "ast1-1763761000.77")
    await desk.missed.step()
    assert len(await desk.promises()) == 1


async def test_nobody_is_called_in_the_quiet_hours_but_who_asked_for_it(desk: Desk) -> None:
    desk.clock.advance(9.5 * 3600)  # half past nine in the evening
    await desk.gave_up()
    await desk.missed.step()
    desk.clock.advance(61)
    assert await desk.claim() == []
    (row,) = await desk.promises()
    assert row.next_at == datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # eight in the morning
    async with desk.database.transaction() as session:
        asked = await store.make(
            session, kind="queued", caller="+8613800000009", line="12300", dialled=None, call_id="ast1-1763761000.9",
            entered_ms=1, requested_at=desk.clock.now(), next_at=desk.clock.now(),
        )  # fmt: skip
    assert asked is not None
    assert await desk.claim() == [asked.id]
    desk.clock.advance(10.5 * 3600)
    assert row.id in await desk.claim()


async def test_a_number_is_not_dialled_more_often_in_a_day_than_allowed(desk: Desk) -> None:
    await desk.gave_up()
    await desk.missed.step()
    (row,) = await desk.promises()
    async with desk.database.transaction() as session:
        for number in range(4):
            session.add(
                CallbackAttemptRow(
                    callback_id=row.id, number=number + 1, call_id=f"call-back-{row.id}.{number + 1}",
                    caller_index=MOBILE, agent="1001", dialled_at=NOON, outcome="busy",
                )
            )  # fmt: skip
    desk.clock.advance(120)
    assert await desk.claim() == []
    (row,) = await desk.promises()
    assert row.next_at == datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
    desk.clock.advance(20 * 3600)
    assert await desk.claim() == [row.id]


async def test_only_so_many_missed_calls_ask_for_agents_at_a_time(desk: Desk) -> None:
    for number in range(10):
        await desk.gave_up(f"+8613800000{number:03}")
    await desk.missed.step()
    desk.clock.advance(61)
    first = await desk.claim("ast1/voice-1")
    assert len(first) == 4
    assert await desk.claim("ast1/voice-2") == []
    async with desk.database.transaction() as session:
        await store.move(
            session, first[0], CallbackState.OPEN, process="ast1/voice-1", now=desk.clock.now(),
            next_at=desk.clock.now() + timedelta(minutes=15),
        )  # fmt: skip
    assert len(await desk.claim("ast1/voice-2")) == 1


async def test_a_promise_that_is_too_old_is_given_up(desk: Desk) -> None:
    await desk.gave_up()
    await desk.missed.step()
    desk.clock.advance(49 * 3600)
    assert await desk.claim() == []
    (row,) = await desk.promises()
    assert (row.state, row.outcome) == ("exhausted", "expired")


def test_quiet_hours_within_a_day_and_none_at_all() -> None:
    policy = CallbackPolicy.of(Settings(callbacks={"quiet_from": time(12), "quiet_to": time(14)}))
    assert policy.earliest("missed", NOON) == NOON + timedelta(hours=2)
    assert policy.earliest("missed", NOON + timedelta(hours=2)) == NOON + timedelta(hours=2)
    assert policy.zone == ZoneInfo("Asia/Shanghai")
    none = CallbackPolicy.of(Settings(callbacks={"quiet_from": time(8), "quiet_to": time(8)}))
    assert none.earliest("missed", NOON + timedelta(hours=11)) == NOON + timedelta(hours=11)


@pytest.mark.parametrize(
    ("caller", "digits"),
    [("+8613812345678", "13812345678"), ("+863982812345", "03982812345"), ("+861088888888", "01088888888")],
)
def test_what_is_dialled(caller: str, digits: str) -> None:
    assert digits_to_dial(caller, DIRECTORY) == digits


@pytest.mark.parametrize(
    "caller",
    [None, "", "110", "12345", "95588", "+8637112345", "+86371110", "+8510110", "+8008123456", "+868008123456",
     "+14155550100", "13812345678", "+8613812345678,x", "+86138123456789", "PJSIP/8001"],
)  # fmt: skip
def test_what_is_never_dialled(caller: str | None) -> None:
    with pytest.raises(NotCallable):
        digits_to_dial(caller, DIRECTORY)


def test_a_number_of_our_own_is_never_dialled() -> None:
    ours = replace(DIRECTORY, access_numbers=(("+863982800001", "12333"),))
    with pytest.raises(NotCallable):
        digits_to_dial("+863982800001", ours)


def test_every_state_can_be_reached_and_left_or_is_the_end() -> None:
    reached = {target for targets in CALLBACK_MOVES.values() for target in targets}
    assert reached | {CallbackState.OPEN} == set(CallbackState)
    assert {CallbackState.ANSWERED, CallbackState.EXHAUSTED, CallbackState.CANCELLED} == CLOSED
