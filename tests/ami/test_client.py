"""The life of a connection, against a scripted Asterisk. Kind: protocol tests with a fake peer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from random import Random

import pytest
from panoramisk import Manager
from structlog.testing import capture_logs

from ami.client import AmiClient
from ami.errors import AmiDisconnected, AmiLoginFailed, AmiProtocolError, AmiRefused, AmiTimeout
from ami.events import FullyBooted, Hangup
from ami.limits import AmiLimits
from tests.ami.conftest import QUICK, MakeClient
from tests.ami.peer import DEADLINE, FULLY_BOOTED, Action, Peer, block, error, hangup, success


def count(client: AmiClient, name: str, **labels: str) -> float:
    return client.counters.registry.get_sample_value(f"hotline_ami_{name}_total", labels) or 0.0


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE):
        await condition.wait()


async def test_logs_in_and_is_connected(peer: Peer, client: AmiClient) -> None:
    assert client.connected
    assert peer.actions[0]["Username"] == "hotline"
    assert client.problem is None


async def test_actions_without_a_connection_say_so(make_client: MakeClient) -> None:
    with pytest.raises(AmiDisconnected):
        await make_client().hangup("PJSIP/8001-00000001")


async def test_a_login_refused_is_reported_and_tried_again(peer: Peer, make_client: MakeClient) -> None:
    good = peer.answers["Login"]
    peer.answers["Login"] = error("Authentication failed")
    client = make_client()
    with capture_logs() as logs:
        await client.start()
        await peer.action("Login", 3)
        assert isinstance(client.problem, AmiLoginFailed)
        assert client.problem.remedy
        with pytest.raises(AmiDisconnected, match="Authentication failed"):
            await client.wait_connected(0.01)
        peer.answers["Login"] = good
        await client.wait_connected(DEADLINE)
    assert count(client, "login_failures") >= 2
    assert any(line["event"] == "ami.not_connected" for line in logs)
    assert "geheim" not in repr(logs)


async def test_hooks_wait_until_asterisk_is_fully_booted(peer: Peer, make_client: MakeClient) -> None:
    peer.answers["Login"] = success
    client = make_client()
    await client.start()
    await peer.action("Login")
    peer.send(hangup(1))
    await peer.action("Ping", 1)
    assert not client.connected
    peer.send(FULLY_BOOTED)
    await client.wait_connected(DEADLINE)


async def test_a_user_that_is_not_told_of_the_boot_is_reported(peer: Peer, make_client: MakeClient) -> None:
    peer.answers["Login"] = success
    client = make_client(replace(QUICK, boot_timeout=0.02, ping_interval=0.02))
    await client.start()
    await peer.wait_for(lambda: peer.connections >= 2)
    assert isinstance(client.problem, AmiProtocolError)
    assert "system" in client.problem.remedy


async def test_silence_before_the_banner(peer: Peer, make_client: MakeClient) -> None:
    peer.banner = ""
    client = make_client(replace(QUICK, login_timeout=0.05))
    await client.start()
    await peer.wait_for(lambda: peer.connections >= 2)
    assert isinstance(client.problem, AmiTimeout)


async def test_silence_instead_of_an_answer_to_login(peer: Peer, make_client: MakeClient) -> None:
    peer.answers["Login"] = None
    client = make_client(replace(QUICK, login_timeout=0.05))
    await client.start()
    await peer.action("Login", 2)
    assert isinstance(client.problem, AmiTimeout)


async def test_silence_after_login_is_noticed_by_the_ping(peer: Peer, make_client: MakeClient) -> None:
    client = make_client(replace(QUICK, ping_interval=0.05, ping_timeout=0.05))
    await client.start()
    await client.wait_connected(DEADLINE)
    await peer.action("Ping", 2)
    peer.answers["Ping"] = None
    await peer.action("Login", 2)
    assert count(client, "disconnects", reason="silent") >= 1


async def test_the_secret_is_not_sent_to_somebody_who_does_not_speak_ami(peer: Peer, make_client: MakeClient) -> None:
    peer.banner = "SSH-2.0-OpenSSH_9.2\r\n"
    client = make_client()
    await client.start()
    await peer.wait_for(lambda: peer.connections >= 2)
    assert isinstance(client.problem, AmiProtocolError)
    assert peer.actions == []


async def test_reconnects_and_runs_the_hooks_in_order(peer: Peer, make_client: MakeClient) -> None:
    story: list[str] = []
    second = asyncio.Event()
    client = make_client()

    async def on_connect() -> None:
        await client.getvar("HL_VOICES")
        story.append("connect")
        if story.count("connect") == 2:
            second.set()

    async def on_disconnect() -> None:
        story.append("disconnect")

    async def on_event(event: Hangup) -> None:
        story.append(event.channel)
        if event.channel == "PJSIP/t-1":
            peer.disconnect()

    client.on_connect(on_connect)
    client.on_disconnect(on_disconnect)
    client.subscribe(Hangup, on_event)
    # The event is there at once after login, before the hook's own action is answered; the hook still comes first.
    peer.answers["Login"] = lambda action: success(action) + FULLY_BOOTED + hangup(0)
    await client.start()
    await client.wait_connected(DEADLINE)
    peer.send(hangup(1))
    await until(second)
    assert story[:5] == ["connect", "PJSIP/t-0", "PJSIP/t-1", "disconnect", "connect"]


async def test_shutdown_of_asterisk_ends_the_connection_at_once(peer: Peer, client: AmiClient) -> None:
    peer.send(block("Event: Shutdown", "Privilege: system,all", "Shutdown: Cleanly"))
    await peer.action("Login", 2)
    assert count(client, "disconnects", reason="shutdown") == 1


async def test_disconnect_in_the_middle_of_a_list(peer: Peer, client: AmiClient) -> None:
    peer.answers["CoreShowChannels"] = lambda action: (
        block("Response: Success", f"ActionID: {action['ActionID']}", "EventList: start")
        + block("Event: CoreShowChannel", f"ActionID: {action['ActionID']}", "Channel: PJSIP/t-1")
    )
    listing_task = asyncio.create_task(client.channels())
    await peer.action("CoreShowChannels")
    peer.disconnect()
    with pytest.raises(AmiDisconnected):
        await listing_task


async def test_an_unanswered_action_is_not_sent_again_after_a_reconnect(peer: Peer, client: AmiClient) -> None:
    peer.answers["Redirect"] = None
    redirect = asyncio.create_task(client.redirect("PJSIP/t-1", "hl-resume"))
    await peer.action("Redirect")
    peer.disconnect()
    with pytest.raises(AmiDisconnected):
        await redirect
    await peer.action("Login", 2)
    await client.wait_connected(DEADLINE)
    await client.getvar("HL_VOICES")
    assert peer.names().count("Redirect") == 1


async def test_mutant_plain_panoramisk_sends_it_again(peer: Peer) -> None:
    peer.answers["Redirect"] = None
    manager = Manager(
        host="127.0.0.1",
        port=peer.port,
        username="hotline",
        secret="x",
        loop=asyncio.get_running_loop(),
        reconnect_timeout=0,
    )
    await manager.connect()
    await peer.action("Login")
    manager.send_action({"Action": "Redirect", "Channel": "PJSIP/t-1"})
    await peer.action("Redirect")
    peer.disconnect()
    await peer.action("Redirect", 2)
    manager.close()


async def test_a_late_reply_is_counted_and_disturbs_nobody(peer: Peer, client: AmiClient) -> None:
    peer.answers["Getvar"] = None
    with pytest.raises(AmiTimeout):
        await client.getvar("HL_PHASE", timeout=0.02)
    late = await peer.action("Getvar")
    peer.answers["Getvar"] = lambda action: (
        block("Response: Success", f"ActionID: {late['ActionID']}", "Value: old")
        + block("Response: Error", "Message: an answer to nobody")
        + block("Response: Success", f"ActionID: {action['ActionID']}", "Value: new")
    )
    assert await client.getvar("HL_PHASE") == "new"
    assert count(client, "unmatched_replies") == 2
    assert count(client, "action_timeouts", action="Getvar") == 1


async def test_rows_of_a_list_nobody_waits_for_are_no_events(peer: Peer, client: AmiClient) -> None:
    seen: list[object] = []

    async def remember(event: Hangup) -> None:
        seen.append(event)

    client.subscribe(Hangup, remember)
    peer.send(block("Event: Hangup", "ActionID: somebody-else", "Channel: PJSIP/t-9", "Cause: 16"))
    await client.getvar("HL_VOICES")
    assert count(client, "unmatched_replies") == 1
    assert seen == []


async def test_a_refused_list_does_not_wait_for_its_end(peer: Peer, client: AmiClient) -> None:
    peer.answers["CoreShowChannels"] = error("Permission denied")
    with pytest.raises(AmiRefused, match="Permission denied"):
        await client.channels()


async def test_a_cancelled_list_is_an_error(peer: Peer, client: AmiClient) -> None:
    peer.answers["DeviceStateList"] = lambda action: (
        block("Response: Success", f"ActionID: {action['ActionID']}", "EventList: start")
        + block("Event: DeviceStateListComplete", f"ActionID: {action['ActionID']}", "EventList: cancelled")
    )
    with pytest.raises(AmiRefused):
        await client.device_states()


async def test_mutant_a_text_that_looks_like_a_list_to_panoramisk(peer: Peer, client: AmiClient) -> None:
    """panoramisk takes "Added ... to queue" for the beginning of a list and waits for ever."""
    text = "Added interface to queue"
    peer.answers["QueueAdd"] = lambda action: block(
        "Response: Success", f"ActionID: {action['ActionID']}", f"Message: {text}"
    )
    assert await client.queue_add("hl-native", "PJSIP/8001", member_name="1001")

    manager = Manager(host="127.0.0.1", port=peer.port, username="u", secret="x", loop=asyncio.get_running_loop())
    await manager.connect()
    waiting = manager.send_action({"Action": "QueueAdd"})
    await peer.action("QueueAdd", 2)
    await manager.send_action({"Action": "Getvar"})  # answered after it
    assert not waiting.done()
    manager.close()


async def test_a_cancelled_action_leaves_nothing_behind(peer: Peer, client: AmiClient) -> None:
    peer.answers["Getvar"] = None
    task = asyncio.create_task(client.getvar("HL_PHASE"))
    await peer.action("Getvar")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client._link is not None
    assert client._link.protocol.responses == {}


async def test_an_answer_that_has_arrived_wins_over_its_deadline(peer: Peer, client: AmiClient) -> None:
    """A loop that was held up for longer than the timeout finds answer and timer due together."""
    task = asyncio.create_task(client.getvar("HL_PHASE", timeout=0.2))
    await peer.action("Getvar")
    time.sleep(0.3)  # the held-up loop
    await task


async def test_a_slow_handler_delays_neither_reader_nor_actions(peer: Peer, client: AmiClient) -> None:
    held, release, last = asyncio.Event(), asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def slow(event: Hangup) -> None:
        held.set()
        await release.wait()
        order.append(event.channel)
        if event.channel == "PJSIP/t-99":
            last.set()

    client.subscribe(Hangup, slow)
    peer.send("".join(hangup(number) for number in range(100)))
    await until(held)
    for _ in range(20):
        await client.getvar("HL_VOICES")
    assert order == []
    release.set()
    await until(last)
    assert order == [f"PJSIP/t-{number}" for number in range(100)]


async def test_a_flood_drops_the_oldest_counts_them_and_reconciles(peer: Peer, make_client: MakeClient) -> None:
    client = make_client(replace(QUICK, queue_limit=10))
    held, release, gap, reconciled = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def slow(event: Hangup) -> None:
        held.set()
        await release.wait()
        order.append(event.channel)

    async def on_connect() -> None:
        if gap.is_set():
            reconciled.set()

    async def on_gap() -> None:
        gap.set()

    client.on_connect(on_connect)
    client.on_gap(on_gap)
    client.subscribe(Hangup, slow)
    await client.start()
    await client.wait_connected(DEADLINE)
    peer.send(hangup(0))
    await until(held)
    peer.send("".join(hangup(number) for number in range(1, 1001)))
    await client.getvar("HL_VOICES")
    assert count(client, "events_dropped") == 990
    assert not gap.is_set()
    release.set()
    await until(reconciled)
    assert order == ["PJSIP/t-0", *(f"PJSIP/t-{number}" for number in range(991, 1001))]
    assert count(client, "gaps") == 1


async def test_under_a_lasting_flood_events_still_flow_between_reconciliations(
    peer: Peer, make_client: MakeClient
) -> None:
    client = make_client(replace(QUICK, queue_limit=5, gap_delay=0.02))
    third, gaps, handled = asyncio.Event(), 0, 0

    async def slow(_: Hangup) -> None:
        nonlocal handled
        handled += 1
        await asyncio.sleep(0.001)

    async def on_gap() -> None:
        nonlocal gaps
        gaps += 1
        peer.send("".join(hangup(number) for number in range(50)))
        if gaps == 3:
            third.set()

    client.on_gap(on_gap)
    client.subscribe(Hangup, slow)
    await client.start()
    await client.wait_connected(DEADLINE)
    peer.send("".join(hangup(number) for number in range(50)))
    await until(third)
    assert handled >= 10


async def test_a_hook_that_fails_runs_again(peer: Peer, make_client: MakeClient) -> None:
    client = make_client()
    runs, done = 0, asyncio.Event()

    async def on_connect() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise AmiTimeout("no answer")
        done.set()

    client.on_connect(on_connect)
    await client.start()
    await until(done)
    assert runs == 2


async def test_a_failing_and_a_hung_handler_stop_nobody(peer: Peer, make_client: MakeClient) -> None:
    client = make_client(replace(QUICK, handler_timeout=0.05))
    seen, two = [], asyncio.Event()

    async def fails(_: Hangup) -> None:
        raise ValueError("broken")

    async def hangs(_: Hangup) -> None:
        await asyncio.Event().wait()

    async def works(event: Hangup) -> None:
        seen.append(event.channel)
        if len(seen) == 2:
            two.set()

    for handler in (fails, hangs, works):
        client.subscribe(Hangup, handler)
    await client.start()
    await client.wait_connected(DEADLINE)
    peer.send(hangup(1) + hangup(2))
    await until(two)
    assert count(client, "handler_failures", kind="Hangup") == 4


async def test_a_malformed_event_is_counted_and_the_next_one_arrives(peer: Peer, client: AmiClient) -> None:
    arrived = asyncio.Event()

    async def remember(event: Hangup) -> None:
        assert event.channel == "PJSIP/t-2"
        arrived.set()

    client.subscribe(Hangup, remember)
    peer.send(block("Event: Hangup", "Privilege: call,all", "Channel: PJSIP/t-1", "Cause: many") + hangup(2))
    await until(arrived)
    assert count(client, "events_malformed", event="Hangup") == 1


async def test_a_message_without_end_ends_the_connection(peer: Peer, make_client: MakeClient) -> None:
    client = make_client(replace(QUICK, message_limit=10_000))
    await client.start()
    await client.wait_connected(DEADLINE)
    peer.send("Event: Hangup\r\nX: " + "x" * 20_000)
    await peer.action("Login", 2)
    assert count(client, "disconnects", reason="message_too_long") == 1


async def test_comes_back_after_asterisk_was_away(peer: Peer, client: AmiClient) -> None:
    booted = asyncio.Event()

    async def on_boot(_: FullyBooted) -> None:
        booted.set()

    client.subscribe(FullyBooted, on_boot)
    await peer.stop()
    assert isinstance(await _refusal(client), AmiDisconnected)
    await peer.start()
    await until(booted)
    await client.wait_connected(DEADLINE)


async def _refusal(client: AmiClient) -> Exception:
    while True:
        try:
            await client.getvar("HL_VOICES")
        except AmiDisconnected as refusal:
            return refusal


async def test_closing_fails_what_waits_and_stops_reconnecting(peer: Peer, client: AmiClient) -> None:
    peer.answers["Getvar"] = None
    task = asyncio.create_task(client.getvar("HL_PHASE"))
    await peer.action("Getvar")
    await client.close()
    with pytest.raises(AmiDisconnected):
        await task
    await peer.wait_for(lambda: not peer._writers)
    assert not client.connected
    assert peer.connections == 1


async def test_logs_hold_no_digit_and_no_caller(peer: Peer, client: AmiClient) -> None:
    peer.answers["Getvar"] = error("refused")

    def key(action: Action) -> str:
        return block(
            "Event: DTMFEnd", "Privilege: dtmf,all", "CallerIDNum: 13812345678", "Digit: 7", "Uniqueid: x"
        ) + success(action)

    peer.answers["Setvar"] = key
    with capture_logs() as logs:
        await client.setvar("HL_PHASE", "waiting")
        with pytest.raises(AmiRefused):
            await client.getvar("HL_PHASE")
    assert any(line["event"] == "ami.event_malformed" for line in logs)
    assert "13812345678" not in repr(logs)
    assert "7" not in repr(logs)


def test_back_off_grows_to_its_cap_with_jitter() -> None:
    limits, random = AmiLimits(backoff_first=0.1, backoff_cap=5.0), Random(7)
    for attempt in range(12):
        ceiling = min(5.0, 0.1 * 2**attempt)
        delays = {limits.backoff(attempt, random) for _ in range(50)}
        assert all(ceiling / 2 <= delay <= ceiling for delay in delays)
        assert len(delays) == 50
    assert limits.backoff(10_000, random) <= 5.0
