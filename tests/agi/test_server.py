"""Connections that are no calls, headers that are not Asterisk's, and the server's own end."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

import agi.connection
from agi.counters import AgiCounters, Oddity
from agi.errors import AgiConnectionLost
from agi.limits import AgiLimits
from agi.server import AgiServer
from agi.session import AgiSession
from tests.agi.conftest import Line, Serve
from tests.agi.peer import ARGS, AsteriskPeer, header, until


async def raw(line: Line, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.server.port)
    writer.write(data)
    return reader, writer


async def closed(reader: asyncio.StreamReader) -> None:
    """The server has closed this connection, within five seconds."""
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(65536):
                pass


async def test_a_thousand_probes_hurt_nobody(line: Line) -> None:
    session, peer = await line.call()
    peer.variables["A"] = "still here"
    tasks = len(asyncio.all_tasks())
    for _ in range(1000):
        _, writer = await raw(line)
        writer.close()
    await until(lambda: line.counters.count(Oddity.EMPTY_CONNECTION) == 1000)
    assert len(asyncio.all_tasks()) <= tasks
    assert await session.get_full_variable("${A}") == "still here"
    assert line.server.sessions == 1


async def test_half_open_sessions_are_dropped_after_the_deadline(serve: Serve) -> None:
    line = await serve(AgiLimits(env_deadline=0.1))
    session, peer = await line.call()
    silent = [await raw(line) for _ in range(20)]
    slow = [await raw(line, header()[:100]) for _ in range(20)]
    unanswered = [await raw(line, header()) for _ in range(20)]  # never says where the header ends
    for reader, writer in silent + slow + unanswered:
        await closed(reader)
        writer.close()
    assert line.counters.count(Oddity.HALF_OPEN) == 60
    await session.answer()
    assert not session.hung_up.is_set(), "a session that is complete has no such deadline"
    assert peer.commands == [["ANSWER"]]


async def test_too_many_half_open_ones_are_refused(serve: Serve) -> None:
    line = await serve(AgiLimits(half_open=5))
    waiting = [await raw(line, b"agi_") for _ in range(5)]
    reader, writer = await raw(line)
    await closed(reader)
    writer.close()
    assert line.counters.count(Oddity.TOO_MANY_HALF_OPEN) == 1
    for _, waiter in waiting:
        waiter.close()
    await until(lambda: line.counters.count(Oddity.TRUNCATED_HEADER) == 5)
    await line.call()


@pytest.mark.parametrize(
    "opening",
    [
        b"x" * 1_048_576,
        b"agi_x: " + b"y" * 1_048_576 + b"\n\n",
        b"agi_x: y\n" * 100_000,
        b"\n" + b"agi_x: y\n" * 100_000,
        b"agi_network_script: inbound\n\n" + b"z" * 1_048_576,
    ],
)
async def test_a_megabyte_of_header_is_refused_early(line: Line, opening: bytes) -> None:
    session, _ = await line.call()
    reader, writer = await raw(line, opening)
    await closed(reader)
    writer.close()
    assert line.counters.count(Oddity.HEADER_TOO_LARGE) == 1
    await session.answer()


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (header(agi_calleridname="a\0b"), Oddity.BAD_ENV),
        (header(agi_network_script=""), Oddity.BAD_ENV),
        (header(agi_network_script="../etc"), Oddity.UNKNOWN_ROUTE),
        (header(agi_network_script="inbound?x=1"), Oddity.UNKNOWN_ROUTE),
    ],
)
async def test_what_is_no_call_of_ours_is_closed_and_counted(line: Line, opening: bytes, reason: Oddity) -> None:
    peer = await AsteriskPeer.connect(line.server.port, opening)
    async with asyncio.timeout(5):
        await peer.ended.wait()
    await peer.close()
    assert line.counters.count(reason) == 1
    assert line.server.sessions == 0


async def test_a_header_arrives_in_any_pieces(line: Line) -> None:
    whole = header()
    peer = await AsteriskPeer.connect(line.server.port, b"")
    line.peers.append(peer)
    for position in range(len(whole)):
        peer.send(whole[position : position + 1])
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert (await line.arrived.get()).args == ARGS


FORGED = (
    b"1\nagi_network_script: other\nagi_uniqueid: evil-1.1\nagi_threadid: 1\nagi_arg_1: evil-1.1\nagi_arg_6: six\n"
    b"\n200 result=1 (evil)\nHANGUP\n511 dead\n\n520-usage\nagi_arg_1: evil-1.1"
)


@pytest.mark.parametrize("field", ["agi_callerid", "agi_calleridname", "agi_dnid", "agi_rdnis", "agi_extension"])
async def test_a_line_feed_from_the_caller_forges_nothing(line: Line, field: str) -> None:
    session, peer = await line.call(header(**{field: FORGED}))
    assert session.args == ARGS
    assert session.env["agi_uniqueid"] == "ast1-1763761000.12"
    assert session.env["agi_network_script"] == "inbound"
    assert session.env[field] == "1"
    assert line.counters.count(Oddity.INJECTED_ENV) == 1
    peer.variables["A"] = "in step"
    assert await session.get_full_variable("${A}") == "in step"
    assert line.counters.count(Oddity.STRAY_LINE) == 0
    assert not session.hung_up.is_set()


async def test_mutant_that_takes_the_first_empty_line_for_the_end_is_forged(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = agi.connection.AgiConnection._header_line

    def hasty(self: agi.connection.AgiConnection, text: bytes) -> None:
        if not text:
            self._header_complete()
        else:
            original(self, text)

    monkeypatch.setattr(agi.connection.AgiConnection, "_header_line", hasty)
    session, _ = await line.call(header(agi_callerid=FORGED))
    assert session.args[0] == "evil-1.1"
    assert session.hung_up.is_set()


async def test_more_calls_than_the_cap_go_to_the_next_process(serve: Serve) -> None:
    line = await serve(AgiLimits(sessions=2))
    first, _ = await line.call()
    await line.call()
    peer = await AsteriskPeer.connect(line.server.port)
    async with asyncio.timeout(5):
        await peer.ended.wait()
    await peer.close()
    assert line.server.sessions == 2
    assert line.counters.count(Oddity.TOO_MANY_SESSIONS) == 1
    await first.answer()


async def test_one_handlers_fault_touches_no_other_call() -> None:
    counters = AgiCounters()

    async def handler(session: AgiSession) -> None:
        if session.args[0] == "bad":
            raise RuntimeError
        await session.answer()

    server = AgiServer({"inbound": handler}, host="127.0.0.1", port=0, counters=counters)
    await server.start()
    bad = await AsteriskPeer.connect(server.port, header(("bad",)))
    good = await AsteriskPeer.connect(server.port)
    async with asyncio.timeout(5):
        await bad.ended.wait()
        await good.ended.wait()
    assert bad.commands == []
    assert good.commands == [["ANSWER"]]
    await server.close(1.0)
    assert counters.count(Oddity.HANDLER_FAILED) == 1
    assert counters.registry.get_sample_value("hotline_agi_sessions") == 0
    assert counters.registry.get_sample_value("hotline_agi_sessions_started_total") == 2
    assert counters.registry.get_sample_value("hotline_agi_commands_total") == 1
    await bad.close()
    await good.close()


async def test_a_caller_who_leaves_is_no_fault(line: Line) -> None:
    async def handler(session: AgiSession) -> None:
        await session.hung_up.wait()
        await session.answer()

    server = AgiServer({"inbound": handler}, host="127.0.0.1", port=0)
    await server.start()
    peer = await AsteriskPeer.connect(server.port)
    await until(lambda: server.sessions == 1)
    await peer.close(reset=True)
    await until(lambda: server.sessions == 0)
    assert server.counters.count(Oddity.HANDLER_FAILED) == 0
    await server.close(0)


async def test_an_orderly_stop_lets_calls_end(line: Line) -> None:
    session, peer = await line.call()
    half_reader, half_writer = await raw(line, b"agi_network: yes\n")
    stop = asyncio.create_task(line.server.close(5.0))
    await closed(half_reader)
    half_writer.close()
    with pytest.raises(OSError):  # noqa: PT011 - refused, whatever the platform calls it
        await asyncio.open_connection("127.0.0.1", line.server.port)
    await session.answer()
    assert not stop.done()
    line.over.set()
    await stop
    async with asyncio.timeout(5):
        await peer.ended.wait()
    assert line.server.sessions == 0
    assert line.counters.count(Oddity.CUT_SHORT) == 0


async def test_after_the_drain_handlers_are_cancelled_and_may_say_goodbye() -> None:
    said: list[str] = []

    async def handler(session: AgiSession) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await session.set_variable("HL_PHASE", "waiting")
            said.append("goodbye")

    server = AgiServer({"inbound": handler}, host="127.0.0.1", port=0)
    await server.start()
    peer = await AsteriskPeer.connect(server.port)
    await until(lambda: server.sessions == 1)
    await asyncio.sleep(0)
    await server.close(0.02)
    assert said == ["goodbye"]
    assert server.counters.count(Oddity.CUT_SHORT) == 1
    async with asyncio.timeout(5):
        await peer.ended.wait()
    await peer.close()


async def test_a_handler_that_will_not_end_loses_its_connection() -> None:
    seen: list[type[BaseException]] = []

    async def handler(session: AgiSession) -> None:
        while not seen:
            try:
                await session.exec("Dial", "PJSIP/8001")
            except asyncio.CancelledError:
                continue
            except AgiConnectionLost as error:
                seen.append(type(error))

    server = AgiServer({"inbound": handler}, host="127.0.0.1", port=0, limits=AgiLimits(ending=0.05))
    await server.start()
    peer = await AsteriskPeer.connect(server.port, b"")
    peer.hold("EXEC")
    peer.send(header())
    await peer.command("EXEC")
    await server.close(0.01)
    await until(lambda: server.sessions == 0)
    assert seen == [AgiConnectionLost]
    await peer.close()


async def test_a_port_is_never_shared(line: Line) -> None:
    second = AgiServer({}, host="127.0.0.1", port=line.server.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()


def test_a_route_must_be_in_the_table() -> None:
    async def handler(session: AgiSession) -> None: ...

    with pytest.raises(ValueError, match="nowhere"):
        AgiServer({"nowhere": handler}, host="127.0.0.1", port=0)


def test_counters_go_into_the_registry_given() -> None:
    registry = CollectorRegistry()
    AgiCounters(registry).odd(Oddity.STRAY_LINE)
    assert registry.get_sample_value("hotline_agi_oddities_total", {"reason": "stray_line"}) == 1
