"""Secrets between the line's own parts: made once, kept under `var/` for their owner alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hotline.ids import token
from hotline.settings import Settings

FILE: Final = "asterisk-secrets.json"
"""Name of the file under `var/`."""


@dataclass(frozen=True)
class Secrets:
    """What Asterisk and we must both know. Never printed: `repr` leaves the values out."""

    ami: str = field(repr=False)
    phone_base: str = field(repr=False)

    def phone(self, extension: str) -> str:
        """SIP password of a seat (座席话机): one of its own for each extension, derived from the base."""
        return hmac.new(self.phone_base.encode(), extension.encode(), hashlib.sha256).hexdigest()[:32]


def load(settings: Settings) -> Secrets:
    """The secrets of this installation; those that `hotline.toml` leaves empty are made at first use (mode 0600)."""
    made = _made(settings.var_dir / FILE)
    return Secrets(
        ami=settings.asterisk.ami_secret or made["ami"],
        phone_base=settings.asterisk.phone_secret or made["phone_base"],
    )


def _made(path: Path) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    text = json.dumps({"ami": token(), "phone_base": token()})
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails if another process was first: then its secrets count, never two sets.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    known: dict[str, str] = json.loads(path.read_text())
    return known
