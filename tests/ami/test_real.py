"""The client against a real Asterisk. Kind: integration; the connection comes from the fixture `asterisk_ami`.

Needs of that Asterisk: the rendered configuration, with the native queue `hl-native` and the context `hl-supervise`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from ami.client import AmiClient
from ami.errors import AmiLoginFailed, AmiRefused
from ami.events import Hangup, OriginateResponse
from tests.ami.peer import DEADLINE
from tests.asterisk_fixtures import Ami

pytestmark = pytest.mark.real


@pytest.fixture
async def real(asterisk_ami: Ami) -> AsyncIterator[AmiClient]:
    ami = asterisk_ami
    client = AmiClient(host=ami.host, port=ami.port, user=ami.user, secret=ami.secret)
    await client.start()
    await client.wait_connected(30)
    yield client
    await client.close()


async def test_variables_keep_every_character(real: AmiClient) -> None:
    value = "三门峡 a=b: c,d \\ \"' %41 ${X}"
    await real.setvar("HL_TEST_VALUE", value)
    assert await real.getvar("HL_TEST_VALUE") == value
    await real.setvar("HL_TEST_VALUE", "热" * 300)
    assert await real.getvar("HL_TEST_VALUE") == "热" * 300
    assert await real.getvar("HL_TEST_NOT_SET") == ""


async def test_lists(real: AmiClient) -> None:
    assert all(device for device in await real.device_states())
    assert isinstance(await real.bridges(), list)
    assert isinstance(await real.channels(), list)


async def test_a_member_of_the_native_queue(real: AmiClient) -> None:
    interface = "Local/s@hl-supervise/n"
    try:
        assert await real.queue_add("hl-native", interface, member_name="test-1", paused=True)
        assert not await real.queue_add("hl-native", interface, member_name="test-1", paused=True)
        await real.queue_pause("hl-native", interface, True, "小休")
        info = await real.queue_status("hl-native")
        (member,) = (member for member in info.members if member.interface == interface)
        assert (member.member_name, member.paused, member.paused_reason) == ("test-1", True, "小休")
    finally:
        assert await real.queue_remove("hl-native", interface)
    assert not await real.queue_remove("hl-native", interface)
    with pytest.raises(AmiRefused):
        await real.queue_pause("hl-native", interface, True)
    with pytest.raises(AmiRefused):
        await real.queue_status("hl-no-such-queue")


async def test_channels_that_do_not_exist(real: AmiClient) -> None:
    for attempt in (
        real.hangup("PJSIP/none-00000001"),
        real.redirect("PJSIP/none-00000001", "hl-resume"),
        real.stop_playback("PJSIP/none-00000001"),
        real.setvar("HL_PHASE", "waiting", "PJSIP/none-00000001"),
        real.getvar("HL_PHASE", "PJSIP/none-00000001"),
        real.originate("PJSIP/no-such-endpoint", channel_id="hl-test-none", app="Wait", data="1"),
    ):
        with pytest.raises(AmiRefused):
            await attempt


async def test_a_live_channel_id_is_refused_and_its_end_is_told(real: AmiClient) -> None:
    gone: asyncio.Queue[Hangup] = asyncio.Queue()
    responses: asyncio.Queue[OriginateResponse] = asyncio.Queue()
    real.subscribe(Hangup, gone.put)
    real.subscribe(OriginateResponse, responses.put)

    async def call() -> None:
        await real.originate(
            "Local/s@hl-supervise/n",
            channel_id="hl-test-live",
            app="Wait",
            data="20",
            variables={"HL_CALL": "ast1-test-1.1", "HL_PHASE": "waiting"},
        )

    await call()
    with pytest.raises(AmiRefused):
        await call()
    (channel,) = [channel for channel in await real.channels() if channel.uniqueid == "hl-test-live"]
    assert channel.variables["HL_CALL"] == "ast1-test-1.1"
    with contextlib.suppress(AmiRefused):  # it may have ended by itself
        await real.hangup("hl-test-live")
    async with asyncio.timeout(DEADLINE):
        while (await gone.get()).uniqueid != "hl-test-live":
            pass
        while (await responses.get()).channel_id != "hl-test-live":
            pass


async def test_a_wrong_secret_is_reported(asterisk_ami: Ami) -> None:
    ami = asterisk_ami
    client = AmiClient(host=ami.host, port=ami.port, user=ami.user, secret="wrong")
    await client.start()
    try:
        async with asyncio.timeout(10):
            while not isinstance(client.problem, AmiLoginFailed):
                await asyncio.sleep(0.02)
    finally:
        await client.close()
    assert not client.connected
