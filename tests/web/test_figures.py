"""Figures over REST, over the supervisors' socket, as a table, for Prometheus, and in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from typer.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from acd.service import Acd
from calls.facts import Entry, Kind, seq_at
from calls.figure_board import FigureBoard
from calls.figure_tables import AgentStateRow
from calls.ingest import insert_entries
from calls.intervals import Intervals
from calls.live_figures import LiveFigures
from hotline.clock import from_ms, to_ms
from server.cli import app as command
from server.commands.figures import screen as drawn
from tests.web.conftest import SOON, Caller, redis_away
from web.services import Services

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def live(services: Services) -> LiveFigures:
    """The jobs process' part, one step at a time."""
    return LiveFigures(
        acd=services.acd,
        board=FigureBoard(services.redis, "smx"),
        database=services.database,
        directory=services.directory,
        zone=ZONE,
        process="ast1/jobs",
        clock=services.clock,
    )


def _fact(call: str, kind: Kind, at_ms: int, agent: str | None = None, **told: object) -> Entry:
    return Entry(call, seq_at(at_ms, len(kind)), f"{kind}:1", kind.value, at_ms, "ast1/voice-1", agent, told)


async def counted(services: Services, at_ms: int) -> None:
    """Three calls on two lines: answered after 4 s with a talk of a minute, given up after 30 s, given up after 2 s."""
    entries = []
    for number, (line, over, agent) in enumerate((("12345", 4, "1001"), ("12345", 30, None), ("12333", 2, None))):
        call = f"ast1-1795222800.{number}"
        entries += [
            _fact(call, Kind.ENTERED, at_ms - 1_000, line=line),
            _fact(call, Kind.QUEUED, at_ms, queue="general"),
        ]
        if agent:
            entries.append(_fact(call, Kind.ANSWERED, at_ms + over * 1000, agent))
            entries.append(_fact(call, Kind.ENDED, at_ms + 64_000, agent, outcome="answered"))
        else:
            entries.append(_fact(call, Kind.ABANDONED, at_ms + over * 1000))
    async with services.database.transaction() as session:
        await insert_entries(session, entries)
        since = from_ms(at_ms)
        session.add(AgentStateRow(agent="1001", state="NOT_READY", reason="=小休", since=since, until=None))
    await Intervals(services.database).step()


HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
async def noon(services: Services) -> int:
    """A half hour of yesterday, in milliseconds."""
    day = services.clock.now().astimezone(ZONE) - timedelta(days=1)
    at_ms = to_ms(day.replace(hour=12, minute=0, second=0, microsecond=0))
    await counted(services, at_ms)
    return at_ms


def between(at_ms: int, length: timedelta = HALF_HOUR) -> dict[str, Any]:
    start = from_ms(at_ms).astimezone(ZONE)
    return {"from": start.isoformat(), "to": (start + length).isoformat()}


async def test_history_by_queue_hotline_and_agent(nobody: Caller, noon: int) -> None:
    head = await nobody.as_("supervisor")
    queue = (await head.get("/api/figures/history", by="queue", **between(noon))).json()
    (row,) = queue["rows"]
    assert (row["subject"], to_ms_of(row["starts_at"])) == ("general", noon)
    assert row["counts"]["offered"] == 3
    assert row["figures"] == {
        "connection_rate": pytest.approx(1 / 3),
        "promptness": 1,
        "service_level": 0.5,
        "abandonment": pytest.approx(1 / 3),
        "short_abandonment": pytest.approx(1 / 3),
        "average_answer_ms": 4_000,
        "average_handling_ms": 60_000,
    }
    assert queue["total"]["counts"] == row["counts"]
    lines = (await head.get("/api/figures/history", by="hotline", **between(noon))).json()
    assert [(one["subject"], one["counts"]["offered"]) for one in lines["rows"]] == [("12333", 1), ("12345", 2)]
    assert lines["rows"][0]["figures"]["service_level"] is None, "nobody answered, nobody abandoned but at once"
    one = (await head.get("/api/figures/history", by="hotline", subject="12333", **between(noon))).json()
    assert [row["subject"] for row in one["rows"]] == ["12333"]
    agents = (await head.get("/api/figures/history", by="agent", **between(noon))).json()
    (row,) = agents["rows"]
    assert (row["counts"]["answered"], row["times"], row["not_ready"]) == (
        1,
        {"NOT_READY": 1_800_000},
        {"=小休": 1_800_000},
    )
    assert row["figures"]["occupancy"] is None


def to_ms_of(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


async def test_a_day_is_the_city_s(nobody: Caller, noon: int) -> None:
    head = await nobody.as_("admin")
    day = between(noon, timedelta(days=1))
    (row,) = (await head.get("/api/figures/history", by="queue", step="day", **day)).json()["rows"]
    assert to_ms_of(row["starts_at"]) == noon - 12 * 3600 * 1000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": "2020-01-01T00:00:00+08:00"}, "input.invalid"),
        ({"from": "2026-11-21T00:00:00"}, "input.invalid"),
        ({"from": "2020-01-01T00:00:00+08:00"}, "figures.period_too_long"),
        ({"by": "weather"}, "input.invalid"),
    ],
)
async def test_a_period_that_cannot_be_is_refused(nobody: Caller, noon: int, change: dict[str, str], code: str) -> None:
    head = await nobody.as_("supervisor")
    asked = {"by": "queue", **between(noon)} | change
    for path in ("/api/figures/history", "/api/figures/history.csv"):
        answer = await head.get(path, **asked)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_the_table_is_for_a_spreadsheet(nobody: Caller, noon: int) -> None:
    head = await nobody.as_("supervisor")
    answer = await head.get("/api/figures/history.csv", by="queue", **between(noon))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="figures-queue-\d{8}.csv"', answer.headers["content-disposition"])
    text = answer.content.decode("utf-8-sig")
    assert answer.content.startswith("\ufeff".encode())
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["队列"], row["呼入人工"], row["接通率"], row["平均应答秒"]) == ("general", "3", "0.3333", "4.0")
    assert row["开始"].endswith(" 12:00"), "by the city's clock"
    lines = await head.get("/api/figures/history.csv", by="hotline", **between(noon))
    first, _ = csv.DictReader(io.StringIO(lines.content.decode("utf-8-sig")))
    assert (first["热线"], first["服务水平"]) == ("12333", ""), "nothing to measure is an empty cell"
    agents = await head.get("/api/figures/history.csv", by="agent", **between(noon))
    (row,) = csv.DictReader(io.StringIO(agents.content.decode("utf-8-sig")))
    assert (row["工号"], row["示忙秒"], row["示忙（=小休）秒"]) == ("1001", "1800.0", "1800.0")
    audited = (await (await nobody.as_("auditor")).get("/api/audit")).json()["entries"]
    taken = [(one["actor"], one["subject"]) for one in audited if one["action"] == "figures.exported"]
    assert sorted(taken) == [("supervisor", f"figures:{by}") for by in ("agent", "hotline", "queue")]


async def test_the_board_over_rest(nobody: Caller, line: Acd, live: LiveFigures) -> None:
    head = await nobody.as_("supervisor")
    empty = (await head.get("/api/figures/live")).json()
    assert (empty["queues"], empty["kept_up"]) == ({}, False)
    await line.sign_in("1001", "8001", {"general": 1})
    await live.step()
    board = (await head.get("/api/figures/live")).json()
    assert board["kept_up"]
    assert board["agents"]["1001"]["state"] == "NOT_READY"
    assert board["queues"]["general"]["waiting"] == 0
    assert board["line"]["agents"] == {"NOT_READY": 1}


class Watcher:
    """A supervisor's end of the socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.board: dict[str, Any] = {}

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(SOON):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        if message["kind"] == "hello":
            self.board = {kind: message["body"][kind] for kind in ("queues", "agents", "line")}
        elif message["kind"] == "figures":
            body = message["body"]
            for kind in ("queues", "agents"):
                for subject, fields in body.get(kind, {}).items():
                    self.board[kind].setdefault(subject, {}).update(fields)
                for subject in body["gone"].get(kind, []):
                    del self.board[kind][subject]
            self.board["line"].update(body.get("line", {}))
        return message


@contextlib.asynccontextmanager
async def watching(port: int, token: str) -> AsyncIterator[Watcher]:
    async with connect(f"ws://127.0.0.1:{port}/ws/figures", open_timeout=30) as connection:
        await connection.send(json.dumps({"token": token}))
        yield Watcher(connection)


async def test_the_socket_tells_the_board_and_then_only_changes(
    nobody: Caller, port: int, line: Acd, live: LiveFigures
) -> None:
    head = await nobody.as_("supervisor")
    await line.sign_in("1001", "8001", {"general": 1})
    await line.sign_in("1002", "8002", {"general": 1})
    await live.step()
    async with watching(port, head.token) as one, watching(port, head.token) as two:
        assert (await one.next())["kind"] == "hello"
        assert (await two.next())["body"]["kept_up"]
        await line.set_not_ready("1001", "小休")
        await line.sign_out("1002")
        await live.step()
        message = await one.next()
        assert (message["kind"], message["body"]["gone"]) == ("figures", {"agents": ["1002"]})
        assert message["body"]["agents"]["1001"].keys() == {"reason", "since_ms"}
        assert "queues" not in message["body"]
        await two.next()
        whole = (await head.get("/api/figures/live")).json()
        for watcher in (one, two):
            assert watcher.board == {kind: whole[kind] for kind in ("queues", "agents", "line")}


async def test_who_may_not_see_is_told_and_let_go(nobody: Caller, port: int) -> None:
    agent = await nobody.as_("agent")
    for token, code in ((agent.token, 4403), ("nonsense", 4401)):
        async with watching(port, token) as watcher:
            assert (await watcher.next())["kind"] == "error"
            with pytest.raises(ConnectionClosed) as closed:
                await watcher.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code


async def test_a_flushed_redis_gives_every_watcher_a_whole_board(
    nobody: Caller, port: int, services: Services, line: Acd, live: LiveFigures
) -> None:
    head = await nobody.as_("supervisor")
    await line.sign_in("1001", "8001", {"general": 1})
    await live.step()
    async with watching(port, head.token) as watcher:
        await watcher.next()
        assert "1001" in watcher.board["agents"]
        await services.redis.flushall()
        await live.step()
        while "1001" in watcher.board["agents"]:
            await watcher.next()
        whole = (await head.get("/api/figures/live")).json()
        assert watcher.board == {kind: whole[kind] for kind in ("queues", "agents", "line")}


async def test_a_watcher_outlives_a_redis_that_is_away_for_a_moment(
    nobody: Caller, port: int, redis_url: str, line: Acd, live: LiveFigures
) -> None:
    head = await nobody.as_("supervisor")
    await line.sign_in("1001", "8001", {"general": 1})
    await live.step()
    async with watching(port, head.token) as watcher:
        await watcher.next()
        async with redis_away(redis_url):
            assert (await nobody.get("/metrics")).status_code == 200
        await line.set_not_ready("1001", "小休")
        await live.step()
        while watcher.board["agents"]["1001"]["reason"] != "小休":
            await watcher.next()


async def test_prometheus_sees_queues_and_agents_but_no_names(
    nobody: Caller, services: Services, line: Acd, live: LiveFigures
) -> None:
    before = (await nobody.get("/metrics")).text
    assert "hotline_figures_kept_up 0.0" in before
    assert "hotline_queue_waiting{" not in before
    await line.sign_in("1001", "8001", {"general": 1})
    now_ms = services.clock.now_ms()
    await counted(services, now_ms - now_ms % 1_800_000)
    await live.step()
    text = (await nobody.get("/metrics")).text
    assert "hotline_figures_kept_up 1.0" in text
    assert 'hotline_queue_waiting{queue="general"} 0.0' in text
    assert 'hotline_queue_longest_wait_seconds{queue="general"} 0.0' in text
    assert 'hotline_agents{state="NOT_READY"} 1.0' in text
    assert 'hotline_queue_today_service_level{queue="night"}' not in text, "nothing to measure is absent, not 0"
    assert '"1001"' not in text


async def test_the_terminal_draws_the_board(services: Services, line: Acd, live: LiveFigures) -> None:
    await line.sign_in("1001", "8001", {"general": 1})
    await live.step()
    console = Console(width=200, file=io.StringIO(), highlight=False)
    board = await FigureBoard(services.redis, "smx").read()
    console.print(drawn(board, services.clock.now_ms() + 65_000))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    row = next(text_line for text_line in text.splitlines() if "1001" in text_line)
    assert "示忙（signed_in）" in row
    assert "1:05" in row
    assert "综合 general" in text
    assert "没有进程" not in text


def test_history_in_the_terminal_says_what_is_wrong() -> None:
    result = CliRunner().invoke(command, ["figures", "history", "--from", "yesterday"])
    assert result.exit_code != 0
    assert "not a moment" in str(result.exception)
