"""Kernel events: each of its kind, in order, and one bad listener harms no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
import structlog

from hotline.events import EventBus


@dataclass(frozen=True)
class Rang:
    call: str


@dataclass(frozen=True)
class RangTwice(Rang):
    """A kind of its own: who asked for Rang is not told."""


async def test_each_hears_its_own_kind_in_order_of_subscription() -> None:
    bus, heard = EventBus(), []

    async def first(event: Rang) -> None:
        await asyncio.sleep(0)
        heard.append(("first", event))

    async def second(event: Rang) -> None:
        heard.append(("second", event))

    bus.subscribe(Rang, first)
    bus.subscribe(Rang, second)
    await bus.publish(Rang("a"))
    await bus.publish(RangTwice("b"))
    assert heard == [("first", Rang("a")), ("second", Rang("a"))]


async def test_a_handler_that_fails_is_logged_and_stops_neither_the_others_nor_the_publisher() -> None:
    bus, heard = EventBus(), []

    async def fails(_event: Rang) -> None:
        raise LookupError("no such agent")

    async def hears(event: Rang) -> None:
        heard.append(event.call)

    bus.subscribe(Rang, fails)
    bus.subscribe(Rang, hears)
    with structlog.testing.capture_logs() as told:
        await bus.publish(Rang("a"))
    assert heard == ["a"]
    assert [(line["event"], line["kind"], line["log_level"]) for line in told] == [
        ("event.handler_failed", "Rang", "error")
    ]


async def test_the_publisher_s_cancellation_is_not_swallowed() -> None:
    bus, started = EventBus(), asyncio.Event()

    async def waits(_event: Rang) -> None:
        started.set()
        await asyncio.Event().wait()

    bus.subscribe(Rang, waits)
    task = asyncio.create_task(bus.publish(Rang("a")))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
