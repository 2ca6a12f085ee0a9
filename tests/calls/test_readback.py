"""Calls that began and ended while all of ours was dead: their story comes from Asterisk's own records, once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from acd.presence import Presence, save
from acd.states import AgentState
from calls import past_calls, readback
from calls.cel import ChannelEvents, Record
from calls.facts import Entry
from calls.ingest import insert_entries
from calls.models import JournalRow, ReadbackRow
from calls.readback import Readback
from directory.loader import CurrentDirectory
from hotline.clock import ManualClock, from_ms
from hotline.database import Database
from tests.calls.line import CallLine, StandingDirectory

BEGAN = 1_763_761_000_000
CALLER = "13812345678"
NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


def _bridge(call: str) -> str:
    return f'{{"bridge_id":"58647f8f-816c-{call.rpartition(".")[2]}"}}'


class Records:
    """Asterisk's side: it writes what it does on the line. Times are milliseconds after `BEGAN`."""

    def __init__(self, log: Path) -> None:
        self.cel = log / "hotline.csv"
        self.queue_log = log / "queue_log"
        self.channels = 0

    def event(
        self, event: str, ms: int, uniqueid: str, *, of: str = "", channel: str = "PJSIP/carrier-00000001",
        exten: str = "s", context: str = "hl-supervise", app: str = "", caller: str = CALLER, extra: str = "",
    ) -> None:  # fmt: skip
        at = BEGAN + ms
        fields = [
            event, f"{at // 1000}.{at % 1000:03}123", uniqueid, of or uniqueid, channel, exten, context, app, caller,
            "", extra,
        ]  # fmt: skip
        quoted = ['"' + text.replace('"', '""') + '"' for text in fields]
        with self.cel.open("a") as file:
            file.write(",".join(quoted) + "\n")

    def comes(self, ms: int = 0, *, dialled: str = "12345", caller: str = CALLER) -> str:
        self.channels += 2
        call = f"ast1-{BEGAN // 1000}.{self.channels}"
        self.event("CHAN_START", ms, call, exten=dialled, context="hl-inbound", caller=caller)
        return call

    def talks(
        self, call: str, ms: int, *, app: str = "Queue", seat: str = "PJSIP/8001-00000002", agent: str = "1001",
        context: str = "hl-supervise", exten: str = "s",
    ) -> None:  # fmt: skip
        leg = f"{call}1"
        bridge = _bridge(call)
        self.event("CHAN_START", ms - 10, leg, of=call, channel=seat, context="hl-seat", caller="8001")
        self.event("BRIDGE_ENTER", ms, leg, of=call, channel=seat, context="hl-seat", caller="8001", extra=bridge)
        self.event("BRIDGE_ENTER", ms + 1, call, app=app, context=context, exten=exten, extra=bridge)
        if agent:
            with self.queue_log.open("a") as file:
                file.write(f"{(BEGAN + ms) // 1000}|{call}|hl-native|{agent}|CONNECT|1|{leg}|0\n")
        os.utime(self.cel)

    def parts(self, call: str, ms: int) -> None:
        self.event("BRIDGE_EXIT", ms, call, app="Queue", extra=_bridge(call))

    def goes(self, call: str, ms: int, *, source: str = "dialplan/builtin", caller: str = CALLER) -> None:
        extra = f'{{"hangupcause":16,"hangupsource":"{source}","dialstatus":""}}'
        self.event("HANGUP", ms, call, caller=caller, extra=extra)
        self.event("LINKEDID_END", ms, call, caller=caller)

    def served(self, ms: int = 0, *, dialled: str = "12345") -> str:
        """Comes, is answered by 1001 six seconds later, and goes after a minute."""
        call = self.comes(ms, dialled=dialled)
        self.talks(call, ms + 6_000)
        self.parts(call, ms + 58_000)
        self.goes(call, ms + 60_000, source="PJSIP/8001-00000002")
        return call

    def put_aside(self) -> None:
        """As `server.asterisk.rotation` does."""
        older = list(self.cel.parent.glob("hotline.csv.*"))
        for path in sorted(older, key=lambda path: -int(path.suffix[1:])):
            path.rename(path.with_suffix(f".{int(path.suffix[1:]) + 1}"))
        self.cel.rename(self.cel.with_name("hotline.csv.0"))


@pytest.fixture
def records(tmp_path: Path) -> Records:
    log = tmp_path / "log"
    log.mkdir()
    return Records(log)


@pytest.fixture
def clock() -> ManualClock:
    """An hour later: all of it is long over."""
    return ManualClock(from_ms(BEGAN + 3_600_000))


def reader(line: CallLine, records: Records, clock: ManualClock, database: Database | None = None) -> Readback:
    """The jobs process begins."""
    return Readback(
        host="ast1",
        records=records.cel,
        queue_log=records.queue_log,
        promises=line.folder / "promises",
        spool=line.folder / "spool",
        database=database or line.database,
        directory=cast(CurrentDirectory, StandingDirectory()),
        process="ast1/jobs",
        clock=clock,
    )


async def to_the_end(part: Readback) -> None:
    while await part.step():
        pass


async def test_a_call_without_us_has_its_whole_story(line: CallLine, records: Records, clock: ManualClock) -> None:
    call = records.served(dialled="12333")
    await to_the_end(reader(line, records, clock))
    facts = await line.facts(call)
    assert [fact.kind for fact in facts] == ["entered", "answered", "ended"]
    assert [fact.at for fact in facts] == [from_ms(BEGAN + ms) for ms in (0, 6_001, 58_000)]
    assert facts[0].attributes["mode"] == "dual"
    assert f'"{facts[1].fact.removeprefix("answered:")}"' in _bridge(call), "the name that `calls.observed` gives it"
    assert facts[2].attributes["ended_by"] == "agent"
    summary = await line.summary(call)
    assert (summary.caller, summary.dialled, summary.line) == ("+8613812345678", "12333", "12333")
    assert (summary.agent, summary.outcome) == ("1001", "answered")


async def test_who_gave_up_has_abandoned(line: CallLine, records: Records, clock: ManualClock) -> None:
    call = records.comes()
    records.goes(call, 9_000, source="PJSIP/carrier-00000001")
    await to_the_end(reader(line, records, clock))
    facts = await line.facts(call)
    assert [fact.kind for fact in facts] == ["entered", "abandoned"]
    assert facts[1].attributes["waited_ms"] == 9_000


async def test_an_emergency_is_told_as_routed(line: CallLine, records: Records, clock: ManualClock) -> None:
    call = records.comes(dialled="+86398120")
    desk = "PJSIP/emergency-120-00000002"
    records.talks(call, 3_000, app="Dial", seat=desk, agent="", context="hl-emergency", exten="120")
    records.goes(call, 9_000, source=desk)
    await to_the_end(reader(line, records, clock))
    summary = await line.summary(call)
    assert (summary.dialled, summary.line, summary.outcome, summary.agent) == ("120", "120", "routed", None)
    assert (await line.facts(call))[-1].attributes["ended_by"] == "branch"


async def test_read_as_often_as_you_like_it_is_told_once(line: CallLine, records: Records, clock: ManualClock) -> None:
    calls = [records.served(ms) for ms in (0, 1, 2_000)]
    part = reader(line, records, clock)
    for _ in range(3):
        await to_the_end(part)
        await to_the_end(reader(line, records, clock))
        async with line.database.transaction() as session:
            await session.execute(delete(ReadbackRow))
    for call in calls:
        assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_the_next_run_goes_on_where_the_last_one_stopped(
    line: CallLine, records: Records, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.served()
    going_on = records.comes(70_000)
    await to_the_end(reader(line, records, clock))
    taken: list[str] = []
    note = past_calls.PastCalls.note

    def noted(self: past_calls.PastCalls, record: Record) -> None:
        taken.append(record.uniqueid)
        note(self, record)

    monkeypatch.setattr(past_calls.PastCalls, "note", noted)
    records.talks(going_on, 80_000)
    records.goes(going_on, 90_000)
    await to_the_end(reader(line, records, clock))
    assert set(taken) == {going_on, f"{going_on}1"}, "from the oldest call that was not over"
    assert await line.kinds(going_on) == ["entered", "answered", "ended"]


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped meanwhile", "running on"])
async def test_files_put_aside_are_read_to_their_end_first(
    line: CallLine, records: Records, clock: ManualClock, stopped: bool
) -> None:
    first = records.comes()
    part = reader(line, records, clock)
    await to_the_end(part)
    records.talks(first, 5_000)
    second = records.served(6_000)
    records.put_aside()
    records.goes(first, 70_000)
    third = records.served(80_000)
    records.put_aside()
    fourth = records.served(150_000)
    await to_the_end(reader(line, records, clock) if stopped else part)
    for call in (first, second, third, fourth):
        assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_a_file_that_is_gone_is_not_missed(line: CallLine, records: Records, clock: ManualClock) -> None:
    records.served()
    await to_the_end(reader(line, records, clock))
    records.cel.unlink()
    call = records.served(70_000)
    await to_the_end(reader(line, records, clock))
    assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_lines_that_are_none_are_counted_and_passed_over(
    line: CallLine, records: Records, clock: ManualClock
) -> None:
    calls = [records.served()]
    for ms in (70_000, 140_000):
        with records.cel.open("ab") as file:
            file.write(
                b'"HANGUP","17637\n"BRIDGE_ENTER","noon","a","b","c","d","e","f","13812345678","h",""\n\x00\xff\n'
            )
        calls.append(records.served(ms))
    with capture_logs() as logs:
        await to_the_end(reader(line, records, clock))
    for call in calls:
        assert await line.kinds(call) == ["entered", "answered", "ended"]
    assert [log["places"] for log in logs if log["event"] == "readback.malformed"] == [2]
    assert CALLER not in str(logs), "no personal data in logs"


async def test_a_line_still_being_written_is_waited_for(line: CallLine, records: Records, clock: ManualClock) -> None:
    call = records.served()
    whole = records.cel.read_bytes()
    part = reader(line, records, clock)
    for end in range(0, len(whole), 97):
        records.cel.write_bytes(whole[:end])
        await to_the_end(part)
    records.cel.write_bytes(whole)
    await to_the_end(part)
    assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_a_callers_number_cannot_write_records(line: CallLine, records: Records, clock: ManualClock) -> None:
    other = f"ast1-{BEGAN // 1000}.999"
    forged = f'"\n"CHAN_START","1763761000.000001","{other}","{other}","c","12345","hl-inbound","","1","",""\n"'
    call = records.comes(caller=forged)
    records.goes(call, 5_000, caller="")
    await to_the_end(reader(line, records, clock))
    assert await line.kinds(call) == ["entered", "abandoned"]
    assert (await line.summary(call)).caller is None
    assert await line.kinds(other) == []


# Who was there has the first word.


async def test_a_call_that_is_not_long_over_is_left_to_those_who_are_there(line: CallLine, records: Records) -> None:
    call = records.served()
    clock = ManualClock(from_ms(BEGAN + 69_000))
    part = reader(line, records, clock)
    await to_the_end(part)
    assert await line.kinds(call) == []
    clock.advance(2)
    await to_the_end(part)
    assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_what_a_spool_holds_is_heard_first(line: CallLine, records: Records, clock: ManualClock) -> None:
    call = records.served()
    clock = ManualClock(from_ms(BEGAN + 120_000))
    board = line.board()
    board.journal.write(Entry(call, 1, "answered:1-1", "answered", BEGAN + 6_000, "ast1/voice-1", agent="2002"))
    part = reader(line, records, clock)
    await to_the_end(part)
    async with line.database.transaction() as session:
        assert (await session.get(JournalRow, (call, 1))) is None
    await board.journal.flush()
    await to_the_end(part)
    assert sorted(await line.kinds(call)) == ["answered", "ended", "entered"]
    assert (await line.summary(call)).agent == "2002", "whoever held the call knows better"


async def test_a_spool_that_nobody_empties_is_not_waited_for_for_ever(line: CallLine, records: Records) -> None:
    call = records.served()
    clock = ManualClock(from_ms(BEGAN + 120_000))
    line.board("voice-9").journal.write(Entry(call, 1, "queued", "queued", BEGAN, "ast1/voice-9"))
    part = reader(line, records, clock)
    await to_the_end(part)
    async with line.database.transaction() as session:
        assert not await readback._told(session, [part._past.calls[call]])
    clock.advance(700)
    await to_the_end(part)
    assert not part._past.calls
    assert (await line.summary(call)).outcome == "answered"


async def test_a_promise_tells_its_own_story(line: CallLine, records: Records) -> None:
    call = records.comes()
    records.goes(call, 60_000)
    clock = ManualClock(from_ms(BEGAN + 120_000))
    (line.folder / "promises").mkdir()
    request = line.folder / "promises" / f"{call}.json"
    request.touch()
    part = reader(line, records, clock)
    await to_the_end(part)
    assert await line.kinds(call) == []
    async with line.database.transaction() as session:
        told = {"outcome": "callback_promised"}
        await insert_entries(session, [Entry(call, 1, "ended", "ended", BEGAN, "ast1/jobs", None, told)])
    request.unlink()
    await to_the_end(part)
    assert (await line.summary(call)).outcome == "callback_promised"


async def test_what_our_own_processes_judged_stays(line: CallLine, records: Records, clock: ManualClock) -> None:
    """The agent answered and dropped; the citizen gave up later. The owner knows that it was no talk."""
    call = records.comes()
    records.talks(call, 5_000, app="Dial")
    records.parts(call, 5_100)
    records.goes(call, 20_000)
    async with line.database.transaction() as session:
        told = [
            Entry(call, 1, "entered", "entered", BEGAN, "ast1/voice-1"),
            Entry(call, 2, "ended", "abandoned", BEGAN + 20_000, "ast1/voice-1"),
        ]
        await insert_entries(session, told)
    await to_the_end(reader(line, records, clock))
    assert await line.kinds(call) == ["entered", "abandoned"]


async def test_an_answer_nobody_heard_is_added_to_an_end_that_was(
    line: CallLine, records: Records, clock: ManualClock
) -> None:
    """A talk of the native queue that spans our return."""
    call = records.served()
    async with line.database.transaction() as session:
        told = [
            Entry(call, 1, "entered", "entered", BEGAN, "ast1/voice-1"),
            Entry(call, 2, "ended", "ended", BEGAN + 60_000, "ast1/voice-1", None, {"outcome": "answered"}),
        ]
        await insert_entries(session, told)
    await to_the_end(reader(line, records, clock))
    assert await line.kinds(call) == ["entered", "answered", "ended"]
    assert (await line.summary(call)).agent == "1001"


# What may be missing.


@pytest.mark.parametrize(("since_ms", "agent"), [(0, "1007"), (30_000, None)], ids=["there before", "came later"])
async def test_without_the_queues_log_the_seat_tells_the_agent(
    line: CallLine, records: Records, clock: ManualClock, since_ms: int, agent: str | None
) -> None:
    call = records.served()
    records.queue_log.unlink()
    async with line.database.transaction() as session:
        there = Presence("1007", "8001", {"general": 1}, AgentState.READY)
        await save(session, there, ManualClock(from_ms(BEGAN + since_ms)))
    await to_the_end(reader(line, records, clock))
    assert (await line.summary(call)).agent == agent


async def test_a_call_that_ended_with_asterisk_ends(line: CallLine, records: Records, clock: ManualClock) -> None:
    call = records.comes()
    records.talks(call, 5_000)
    records.event("CHAN_START", 30_000, f"ast1-{BEGAN // 1000 + 30}.0", exten="12345", context="hl-inbound")
    await to_the_end(reader(line, records, clock))
    assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_a_call_that_is_written_before_the_first_one_of_a_new_asterisk_goes_on(
    line: CallLine, records: Records, clock: ManualClock
) -> None:
    call = records.comes(1)  # a thread of its own writes each beginning
    records.event("CHAN_START", 0, f"ast1-{BEGAN // 1000}.0", exten="12345", context="hl-inbound")
    records.talks(call, 5_000)
    await to_the_end(reader(line, records, clock))
    assert await line.kinds(call) == []


async def test_while_postgresql_is_away_nothing_is_passed_over(
    line: CallLine, records: Records, clock: ManualClock
) -> None:
    call = records.served()
    away = Database(NOWHERE)
    part = reader(line, records, clock, away)
    with pytest.raises(ConnectionRefusedError):
        await part.step()
    part._database = line.database
    part._begun = await part._load() is None
    part._database = away
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            await part.step()
    await away.close()
    part._database = line.database
    await to_the_end(part)
    assert await line.kinds(call) == ["entered", "answered", "ended"]


async def test_mutant_without_waiting_an_onlooker_speaks_before_the_owner(
    line: CallLine, records: Records, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readback.Readback, "_spoken_of", lambda self, calls: set())
    call = records.served()
    board = line.board()
    board.journal.write(Entry(call, 1, "ended", "ended", BEGAN, "ast1/voice-1", None, {"outcome": "routed"}))
    await to_the_end(reader(line, records, clock))
    await board.journal.flush()
    assert (await line.summary(call)).outcome == "answered", "the owner was not waited for"


def test_a_long_backlog_is_read_in_pieces(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.cel._CHUNK", 700)
    for n in range(20):
        records.served(n * 1_000)
    events, position, seen, more = ChannelEvents(records.cel), None, 0, True
    while more:
        batch = events.read(position)
        position, more, seen = batch.position, batch.more, seen + len(batch.records)
        assert batch.malformed == 0
    assert seen == 20 * 7


def test_no_records_yet(records: Records) -> None:
    batch = ChannelEvents(records.cel).read(None)
    assert (batch.records, batch.position, batch.more) == ([], None, False)
