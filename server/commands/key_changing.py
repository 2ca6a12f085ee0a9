"""How a command changes the key of another system: read from standard input, or made here and shown this once."""

from __future__ import annotations

import sys

import typer

from calls.handover_keys import PartnerKeys
from hotline.errors import InvalidInput


def change(keys: PartnerKeys, name: str, *, from_stdin: bool) -> None:
    """Give `name` another key; raises InvalidInput, and what `PartnerKeys.change` does."""
    made = keys.change(name, _given() if from_stdin else "")
    if not from_stdin:
        typer.echo(made)


def _given() -> str:
    """The key on standard input; raises InvalidInput."""
    given = sys.stdin.readline().strip()
    if not given:
        raise InvalidInput("no key on standard input")
    return given
