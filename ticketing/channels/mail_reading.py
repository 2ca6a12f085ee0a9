"""A mail as the intake sees it: who wrote, what, with which files, and whether a person wrote it at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from typing import Final

from hotline.errors import InvalidInput
from ticketing.channels import mail_text
from ticketing.channels.words import MailOutcome

_MOST_PARTS: Final = 200
_LONGEST_NAME: Final = 64
_LONGEST_ADDRESS: Final = 254
_MACHINES: Final = re.compile(r"(mailer-daemon|postmaster|no-?reply|bounces?)@", re.IGNORECASE)


class MailUnreadable(InvalidInput):
    """What lies in the mailbox cannot be taken apart."""

    code = "mail.unreadable"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail. `message_id` is empty where it has none; `refused` says why no person waits for an answer to it."""

    message_id: str
    sender: str = field(repr=False)
    sender_name: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    files: tuple[tuple[str, bytes], ...] = field(repr=False)
    refused: MailOutcome | None

    def digest(self) -> bytes:
        """SHA-256 of what it says, whichever way it was carried here."""
        hashed = hashlib.sha256()
        for part in (self.sender, self.subject, self.text):
            hashed.update(hashlib.sha256(part.encode(errors="replace")).digest())
        for name, content in self.files:
            hashed.update(hashlib.sha256(name.encode(errors="replace")).digest() + hashlib.sha256(content).digest())
        return hashed.digest()


def read(raw: bytes) -> Letter:
    """Take a mail, or its header alone, apart. Raises MailUnreadable."""
    try:
        return _read(message_from_bytes(raw))
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError, AssertionError) as error:
        # Whatever somebody sends: one mail must not keep those behind it from being read.
        raise MailUnreadable(type(error).__name__) from None


def _read(message: Message) -> Letter:
    name, address = parseaddr(mail_text.header(message, "From"))
    texts: dict[str, list[str]] = {"plain": [], "html": []}
    files: list[tuple[str, bytes]] = []
    for part in _parts(message):
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        file_name = mail_text.words(part.get_filename("") or "")
        subtype = part.get_content_subtype()
        if part.get_content_maintype() == "text" and subtype in texts and not file_name:
            texts[subtype].append(mail_text.decoded(content, part.get_content_charset()))
        elif content:
            files.append((file_name or f"附件.{subtype}"[:40], content))
    plain = mail_text.visible("\n".join(texts["plain"]))
    return Letter(
        message_id=mail_text.header(message, "Message-ID")[:998],
        sender=mail_text.one_line(address)[:_LONGEST_ADDRESS],
        sender_name=mail_text.one_line(name)[:_LONGEST_NAME],
        subject=mail_text.header(message, "Subject"),
        text=plain or mail_text.of_html("\n".join(texts["html"])),
        files=tuple(files),
        refused=_refused(message, address),
    )


def _parts(message: Message) -> Iterator[Message]:
    """The leaves. A mail within a mail (转发为附件) is not opened: its own parts would be taken for this one's."""
    waiting, seen = [message], 0
    while waiting:
        seen += 1
        if seen > _MOST_PARTS:
            raise ValueError("too many parts")
        one = waiting.pop(0)
        if one.get_content_maintype() == "message":
            continue
        if one.is_multipart():
            waiting = [part for part in one.get_payload() if isinstance(part, Message)] + waiting
        else:
            yield one


def _refused(message: Message, address: str) -> MailOutcome | None:
    """Whether a machine wrote it: delivery reports (RFC 3464), automatic answers (RFC 3834), lists (RFC 2919)."""
    report = message.get_content_type() == "multipart/report"
    if report or mail_text.header(message, "Return-Path") == "<>" or _is_daemon(address):
        return MailOutcome.BOUNCE
    submitted = mail_text.header(message, "Auto-Submitted").lower()
    precedence = mail_text.header(message, "Precedence").lower()
    if (
        submitted not in {"", "no"}
        or precedence in {"bulk", "junk", "list", "auto_reply"}
        or any(mail_text.header(message, name) for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
        or _MACHINES.match(address)
    ):
        return MailOutcome.AUTOMATIC
    return None


def _is_daemon(address: str) -> bool:
    return address.lower().partition("@")[0] in {"mailer-daemon", "postmaster"}
