"""Keeping personal data out of logs and screens that have no business with it (TH 4, 23; SMX 二(三)5)."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

_NEVER_LOGGED = frozenset(
    {
        "caller",
        "caller_number",
        "caller_name",
        "phone",
        "digits",
        "dtmf",
        "password",
        "token",
        "secret",
        "text",
        "name",
    }
)


def mask_number(number: str) -> str:
    """A telephone number with its middle hidden: `13812345678` -> `138****5678`.

    At least four digits are hidden, the first ones too where there are few; a local number of 7 is wholly hidden.
    """
    if len(number) < 8:
        return "*" * len(number)
    shown = min(3, len(number) - 8)
    return f"{number[:shown]}{'*' * (len(number) - shown - 4)}{number[-4:]}"


def drop_personal(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values of personal fields never reach a log file, whatever the caller passed."""
    for key in event.keys() & _NEVER_LOGGED:
        event[key] = "<withheld>"
    return event
