"""Pages: a real Chromium on a real line; each item is a module here that has an `ITEM`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from tests.accept.scenario import Item, Scale


def _items() -> list[Item]:
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    items = [module.ITEM for module in modules if hasattr(module, "ITEM")]
    return sorted(items, key=lambda item: item.number)


ITEMS = _items()


def line_of(_scale: Scale) -> dict[str, Any]:
    """The line these items need: browser phones for twelve agents, and citizens' page that calls."""
    return {
        "changes": {"web_calls": {"enabled": True}, "asterisk": {"webrtc_count": 20}, "acd": {"wrap_up_seconds": 5}}
    }
