"""Kernel events: how floors talk upwards, inside one process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

_log = structlog.get_logger(__name__)

E = TypeVar("E")
Handler = Callable[[E], Awaitable[None]]


class EventBus:
    """Typed publish and subscribe. Handlers of one event run in order of subscription.

    A handler that fails is logged and does not stop the others: the publisher's own work is never undone by a
    listener above it.
    """

    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler[Any]]] = defaultdict(list)

    def subscribe(self, kind: type[E], handler: Handler[E]) -> None:
        self._handlers[kind].append(handler)

    async def publish(self, event: object) -> None:
        for handler in self._handlers[type(event)]:
            try:
                await handler(event)
            except Exception:  # noqa: BLE001 - see the class docstring
                _log.exception("event.handler_failed", kind=type(event).__name__)
