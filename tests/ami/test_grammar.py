"""Nothing a caller sends becomes an action. Kind: unit tests, and injection seen at the scripted peer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami import grammar
from ami.client import AmiClient
from ami.errors import AmiRefusedValue
from hotline.errors import InvalidInput
from tests.ami.peer import Peer

INJECTION = "waiting\r\nChannel: x\r\n\r\nAction: Originate\r\nActionID: evil\r\nChannel: Local/0@out"

GOOD = [
    (grammar.CHANNEL, "PJSIP/8001-0000000a"),
    (grammar.CHANNEL, "Local/s@hl-resume-00000001;2"),
    (grammar.CHANNEL, "AsyncGoto/PJSIP/carrier-00000003<ZOMBIE>"),
    (grammar.CHANNEL, "ast1-1763761000.12"),
    (grammar.CONTEXT, "hl-resume"),
    (grammar.EXTENSION, "s"),
    (grammar.EXTENSION, "+8639812345"),
    (grammar.PRIORITY, "1"),
    (grammar.PRIORITY, "resume"),
    (grammar.VALUE, "voice-1@127.0.0.1:14573,voice-2@127.0.0.1:14574"),
    (grammar.VALUE, ""),
    (grammar.INTERFACE, "PJSIP/8001"),
    (grammar.INTERFACE, "PJSIP/12333@branch-lushi"),
    (grammar.INTERFACE, "Local/s@hl-supervise/n"),
    (grammar.INTERFACE, "Custom:seat"),
    (grammar.MEMBER, "1001"),
    (grammar.REASON, "小休"),
    (grammar.APPLICATION_DATA, "hl-12,hl_citizen"),
    (grammar.CALLER_NUMBER, "+8613812345678"),
]

BAD = [
    (grammar.CHANNEL, "/^PJSIP.*/"),  # Hangup would take it for a pattern over all channels
    (grammar.CHANNEL, ""),
    (grammar.CHANNEL, "PJSIP/8001 "),
    (grammar.CHANNEL, "PJSIP/8001\n"),
    (grammar.CONTEXT, "hl resume"),
    (grammar.CONTEXT, "hl-resume\r\nX: y"),
    (grammar.EXTENSION, "_X."),
    (grammar.EXTENSION, "${EXTEN}"),
    (grammar.PRIORITY, "0"),
    (grammar.PRIORITY, "-1"),
    (grammar.VALUE, "a\nb"),
    (grammar.VALUE, "a\x00b"),
    (grammar.VALUE, "a\u2028b"),
    (grammar.ORIGINATE_VALUE, "1,HL_PHASE=done"),  # Originate would set a second variable
    (grammar.ORIGINATE_VALUE, 'a"b'),
    (grammar.ORIGINATE_VALUE, "a\\b"),
    (grammar.INTERFACE, "PJSIP/8001&PJSIP/carrier"),  # would ring both
    (grammar.INTERFACE, "PJSIP/"),
    (grammar.MEMBER, "a;b|c"),
    (grammar.REASON, "a|b"),
    (grammar.APPLICATION_DATA, "${SHELL(id)}"),
    (grammar.APPLICATION_DATA, "PJSIP/1&PJSIP/2"),
    (grammar.CALLER_NUMBER, '"x" <1>'),
]


@pytest.mark.parametrize(("form", "value"), GOOD)
def test_values_of_the_form_pass(form: re.Pattern[str], value: str) -> None:
    assert grammar.checked("field", form, value) == value


@pytest.mark.parametrize(("form", "value"), BAD)
def test_values_of_another_form_are_refused_without_being_repeated(form: re.Pattern[str], value: str) -> None:
    with pytest.raises(AmiRefusedValue) as refusal:
        grammar.checked("field", form, value)
    assert isinstance(refusal.value, InvalidInput)
    assert refusal.value.detail == "not a field"


@pytest.mark.parametrize(
    "name",
    ["HL_CALL", "__HL_CALL", "MASTER_CHANNEL(HL_PHASE)", "DEVICE_STATE(Custom:seat)", "CALLERID(num)"],
)
def test_variables(name: str) -> None:
    assert grammar.variable(name) == name


@pytest.mark.parametrize(
    "name", ["SHELL(id)", "FILE(/etc/passwd)", "DB(a/b)", "HL CALL", "A=B", "CHANNEL(${X})", "CALLERID(${X})", ""]
)
def test_variables_refused(name: str) -> None:
    with pytest.raises(AmiRefusedValue):
        grammar.variable(name)


@given(st.text(max_size=50), st.sampled_from("\r\n\0"), st.text(max_size=50))
def test_no_line_break_passes_the_last_gate(before: str, break_: str, after: str) -> None:
    with pytest.raises(AmiRefusedValue):
        grammar.check_line("Value", before + break_ + after)


@pytest.mark.parametrize("value", ["x" * 1000, "热" * 400, "\ud800"])
def test_lines_asterisk_would_not_take_are_refused(value: str) -> None:
    with pytest.raises(AmiRefusedValue):
        grammar.check_line("Value", value)


async def test_an_injected_action_is_not_sent(peer: Peer, client: AmiClient) -> None:
    attempts = [
        client.setvar("HL_PHASE", INJECTION),
        client.setvar(f"X\r\n{INJECTION}", "1"),
        client.hangup(f"PJSIP/1{INJECTION}"),
        client.redirect("PJSIP/1-1", INJECTION),
        client.redirect("PJSIP/1-1", "hl-resume", INJECTION),
        client.redirect("PJSIP/1-1", "hl-resume", priority=INJECTION),
        client.redirect("PJSIP/1-1", "hl-resume", extra_channel=INJECTION),
        client.queue_add(INJECTION, "PJSIP/8001", member_name="1001"),
        client.queue_add("hl-native", INJECTION, member_name="1001"),
        client.queue_add("hl-native", "PJSIP/8001", member_name=INJECTION),
        client.queue_add("hl-native", "PJSIP/8001", member_name="1001", state_interface=INJECTION),
        client.queue_pause("hl-native", "PJSIP/8001", True, INJECTION),
        client.queue_remove("hl-native", INJECTION),
        client.queue_status(INJECTION),
        client.stop_playback(INJECTION),
        client.originate(INJECTION, channel_id="a-1", context="hl-resume"),
        client.originate("PJSIP/1", channel_id=INJECTION, context="hl-resume"),
        client.originate("PJSIP/1", channel_id="a-1", context="hl-resume", caller_id=INJECTION),
        client.originate("PJSIP/1", channel_id="a-1", context="hl-resume", variables={"HL_CALL": INJECTION}),
        client.originate("PJSIP/1", channel_id="a-1", context="hl-resume", variables={INJECTION: "1"}),
        client.originate("PJSIP/1", channel_id="a-1", app=INJECTION),
        client.originate("PJSIP/1", channel_id="a-1", app="ConfBridge", data=INJECTION),
        client.originate("PJSIP/1", channel_id="a-1", app="ConfBridge", other_channel_id=INJECTION),
        client.originate("PJSIP/1", channel_id="a-1"),
        client.originate("PJSIP/1", channel_id="a-1", app="Echo", context="hl-resume"),
    ]
    for attempt in attempts:
        with pytest.raises(AmiRefusedValue):
            await attempt
    await client.getvar("HL_VOICES")
    assert {*peer.names()} <= {"Login", "Ping", "Getvar"}


async def test_the_last_gate_holds_when_a_field_is_not_checked(
    peer: Peer, client: AmiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami.actions.checked", lambda field, form, value: value)
    with pytest.raises(AmiRefusedValue):
        await client.setvar("HL_PHASE", INJECTION)
    with pytest.raises(AmiRefusedValue):
        await client.originate("PJSIP/1", channel_id="a", app="Echo", variables={"A": INJECTION})
    with pytest.raises(AmiRefusedValue):
        await client.originate("PJSIP/1", channel_id="a", app="Echo", variables={f"A{n}": "1" for n in range(200)})


async def test_mutant_without_the_checks_the_injected_action_arrives(
    peer: Peer, client: AmiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ami.actions.checked", lambda field, form, value: value)
    monkeypatch.setattr(grammar, "check_line", lambda header, value: None)
    await client.setvar("HL_PHASE", INJECTION, timeout=0.2)
    injected = await peer.action("Originate")
    assert injected["ActionID"] == "evil"
