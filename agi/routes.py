"""Where the dialplan enters our code: every FastAGI route and every classic AGI script, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

INBOUND: Final = "inbound"
CALLBACK: Final = "callback"
MENU: Final = "menu"

ROUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # agi://host:port/<path>   handler (bound to it by the composition root)
        INBOUND: "calls.inbound",
        CALLBACK: "calls.callback_legs",
        MENU: "calls.menu.out_of_talk",
    }
)

CALLBACK_REQUEST: Final = "callback-request"

CLASSIC_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # name in the dialplan    script that runs on the Asterisk host
        CALLBACK_REQUEST: "agi.classic.callback_request",
    }
)
