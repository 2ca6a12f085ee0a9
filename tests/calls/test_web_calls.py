"""Kind: unit. Calls from the citizens' page: how they are known, and what an agent is told of them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agi.errors import AgiHangup
from agi.session import AgiSession
from calls.entry import entry_facts
from calls.web_calls import ENDPOINT, access, told
from tests.calls.line import DIRECTORY


class Header:
    """A channel whose INVITE said so; an error: it is gone."""

    def __init__(self, value: str | Exception | None) -> None:
        self.value = value
        self.asked: list[str] = []

    async def get_full_variable(self, expression: str) -> str | None:
        self.asked.append(expression)
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    async def told(self, trunk: str) -> dict[str, Any]:
        return await told(cast(AgiSession, self), trunk, "0398")


def test_the_entry_names_the_way_in_whoever_writes_it() -> None:
    facts = {
        channel: entry_facts(DIRECTORY, presented="", dialled="12345", entered_ms=1_763_761_000_000, channel=channel)
        for channel in (f"PJSIP/{ENDPOINT}-0000002a", "PJSIP/carrier-0000002a", "")
    }
    assert [one.get("access") for one in facts.values()] == ["web", None, None]
    assert {one["caller"] for one in facts.values()} == {None}
    assert access("web-call-2") == {}


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("+8613900001111", {"access": "web", "declared": "+8613900001111"}),
        (None, {"access": "web"}),
        ("x" * 500, {"access": "web"}),
        (AgiHangup("gone"), {"access": "web"}),
    ],
)
async def test_an_agent_is_told_of_the_way_in_and_the_number_that_was_typed(
    header: str | Exception | None, shown: dict[str, str]
) -> None:
    assert await Header(header).told(ENDPOINT) == shown


async def test_a_carrier_cannot_say_what_the_page_says() -> None:
    channel = Header("+8613900001111")
    assert await channel.told("carrier") == {}
    assert channel.asked == []
