"""What is seen of the mailboxes that demands come to (信箱): whether each can be opened and read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hotline.errors import HotlineError
from hotline.settings import Settings, settings_file
from server.doctor_findings import Finding, ok, warn
from server.runtime.intake import boxes
from ticketing.channels.mail_intake import Box

_PART = "mailbox"


async def mailboxes(settings: Settings) -> AsyncIterator[Finding]:
    """One finding for each of `mail.boxes`; nothing in them is read."""
    for box in boxes(settings):
        yield await asyncio.to_thread(_opened, box)


def _opened(box: Box) -> Finding:
    part = f"{_PART} {box.channel}"
    try:
        mailbox = box.open()
        try:
            waits = bool(mailbox.waiting(1))
        finally:
            mailbox.close()
    except HotlineError as error:
        fix = error.remedy or f"look at its server and at mail.boxes in {settings_file()}; mails wait there meanwhile"
        return warn(part, f"cannot be read: {error.detail}", fix)
    return ok(part, "open, mails wait in it" if waits else "open, empty")
