"""Keys that count once, whichever way a phone sends them."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

import calls.keys
from ami.client import AmiClient
from ami.events import DTMFBegin, DTMFEnd, Hangup
from calls.keys import Keys
from tests.calls.asterisk import FakeAsterisk, channel_of

CALL = "ast1-1763761000.1"


@pytest.fixture
def asterisk() -> FakeAsterisk:
    return FakeAsterisk()


@pytest.fixture
def keys(asterisk: FakeAsterisk) -> Keys:
    return Keys(cast(AmiClient, asterisk))


def event(story: str) -> DTMFBegin | DTMFEnd:
    """`B5`: down, `E5`: up."""
    kind = DTMFBegin if story[0] == "B" else DTMFEnd
    return kind(channel_of(CALL), CALL, CALL, story[1], "Received", {})


def heard(pressed: asyncio.Queue[str]) -> str:
    return "".join(pressed.get_nowait() for _ in range(pressed.qsize()))


@pytest.mark.parametrize(
    ("told", "pressed"),
    [
        ("B2 E2 B1 E1 B0 E0", "210"),
        # As seen of keys of 30 ms, one behind the other.
        ("B2 E2 B1 E1 E1 B0 E0 E0 B0 E0 E0", "2100"),
        ("B1 E1 B1 E1 E1", "11"),
        ("B6 E6 E6 B7 E7 E7", "67"),
        # SIP INFO.
        ("E2 E1 E0", "210"),
        ("E1 E1", "11"),
        # Mixed.
        ("B2 E2 E1 B0 E0 E0", "210"),
        # Both kinds for one press.
        ("B5 E5 E5", "5"),
        ("E5 B5 E5", "5"),
        ("B5 E5 E5 B6 E6 E6", "56"),
        # An end was lost.
        ("B1 B1 E1", "11"),
    ],
)
async def test_no_key_is_lost_or_doubled(asterisk: FakeAsterisk, keys: Keys, told: str, pressed: str) -> None:
    with keys.of(CALL) as queue:
        await asterisk.say(*map(event, told.split()))
        assert heard(queue) == pressed


async def test_the_same_key_by_the_other_kind_is_a_press_of_its_own_later_on(
    asterisk: FakeAsterisk, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(calls.keys.time, "monotonic", lambda: now)
    with keys.of(CALL) as queue:
        await asterisk.say(event("B5"), event("E5"))
        now += 0.21
        await asterisk.say(event("E5"))
        now += 0.21
        await asterisk.say(event("B5"), event("E5"))
        assert heard(queue) == "555"


async def test_a_key_that_is_down_for_one_listener_goes_up_for_the_next(asterisk: FakeAsterisk, keys: Keys) -> None:
    with keys.of(CALL) as menu:
        await asterisk.say(event("B1"))
        assert heard(menu) == "1"
    with keys.of(CALL) as waiting:
        await asterisk.say(event("E1"), event("E1"))
        assert heard(waiting) == ""


async def test_the_last_listener_hears_and_the_one_before_goes_on_after_it(asterisk: FakeAsterisk, keys: Keys) -> None:
    with keys.of(CALL) as outer:
        with keys.of(CALL) as inner:
            await asterisk.presses(CALL, "1")
            assert (heard(inner), heard(outer)) == ("1", "")
        await asterisk.presses(CALL, "2")
        assert heard(outer) == "2"
    await asterisk.presses(CALL, "3")
    with keys.of(CALL) as later:
        assert heard(later) == ""


async def test_who_comes_in_again_hears_though_the_session_before_ends_late(asterisk: FakeAsterisk, keys: Keys) -> None:
    before = keys.of(CALL)
    before.__enter__()
    with keys.of(CALL) as now:
        before.__exit__(None, None, None)
        await asterisk.presses(CALL, "7")
        assert heard(now) == "7"


async def test_what_we_send_ourselves_is_no_key(asterisk: FakeAsterisk, keys: Keys) -> None:
    with keys.of(CALL) as pressed:
        await asterisk.presses(CALL, "9", direction="Sent")
        await asterisk.say(DTMFBegin(channel_of(CALL), CALL, CALL, "9", "Sent", {}))
        assert heard(pressed) == ""


async def test_nothing_is_kept_of_a_channel_that_is_gone(asterisk: FakeAsterisk, keys: Keys) -> None:
    await asterisk.say(event("B1"), Hangup(channel_of(CALL), CALL, CALL, 16, "", {}))
    with keys.of(CALL) as pressed:
        await asterisk.say(event("E1"))
        assert heard(pressed) == "1", "nobody knows that it was down"
