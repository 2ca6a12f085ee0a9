"""Where mails lie: a mailbox on an IMAP server, or a Maildir that a mail server of this machine delivers into.

What was looked at leaves the box for another folder: who reads the box beside us marks mails as read, and would hide
them from anything that goes by that. Everything here blocks; from a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import imaplib
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from hotline.errors import PartUnavailable

_ANSWER_SECONDS: Final = 30.0
_HEADER_BYTES: Final = 64 << 10
_SIZE: Final = re.compile(rb"UID (\d+).*?RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+).*?UID (\d+)", re.DOTALL)


class MailboxAway(PartUnavailable):
    """The mailbox cannot be read now."""

    code = "mail.mailbox_away"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail in the box: by which name it is asked for, and how long it is."""

    id: str
    bytes: int


class Mailbox(Protocol):
    """One mailbox, while it is open. Methods raise MailboxAway."""

    def waiting(self, most: int) -> list[Waiting]:
        """The oldest mails in it."""

    def read(self, mail: str) -> bytes:
        """A whole mail."""

    def head(self, mail: str) -> bytes:
        """Its header."""

    def done(self, mail: str) -> None:
        """Put it aside; one that is gone already is no fault."""

    def close(self) -> None:
        """Let go of it."""


class Maildir:
    """A Maildir: `new` and `cur` are read, what is done goes to `done`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def waiting(self, most: int) -> list[Waiting]:
        with _as_away(self._folder.name):
            if not self._folder.is_dir():
                raise MailboxAway("the Maildir is not there", remedy="create it, or correct mail.boxes")
            found = [file for part in ("new", "cur") for file in (self._folder / part).glob("[!.]*") if file.is_file()]
            return [
                Waiting(f"{file.parent.name}/{file.name}", file.stat().st_size)
                for file in sorted(found, key=lambda file: file.name)[:most]
            ]

    def read(self, mail: str) -> bytes:
        with _as_away(self._folder.name):
            return (self._folder / mail).read_bytes()

    def head(self, mail: str) -> bytes:
        with _as_away(self._folder.name), (self._folder / mail).open("rb") as file:
            return file.read(_HEADER_BYTES).partition(b"\n\n")[0] + b"\n\n"

    def done(self, mail: str) -> None:
        with _as_away(self._folder.name), suppress(FileNotFoundError):
            aside = self._folder / "done"
            aside.mkdir(exist_ok=True)
            os.replace(self._folder / mail, aside / mail.rpartition("/")[2])

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """How a mailbox is reached. `encrypted` False only for a server on this machine."""

    host: str
    port: int
    user: str
    password_file: Path
    folder: str = "INBOX"
    aside: str = "Done"
    encrypted: bool = True
    answer_seconds: float = _ANSWER_SECONDS


class Imap:
    """A mailbox on an IMAP4rev1 server (RFC 3501), logged in and with its folder open."""

    def __init__(self, account: ImapAccount) -> None:
        self._account = account
        self._aside = _quoted(account.aside)
        with self._as_away():
            try:
                password = account.password_file.read_text().strip()
            except OSError:
                raise MailboxAway(
                    "the mailbox's password cannot be read", remedy=f"write it into {account.password_file}"
                ) from None
            self._server: imaplib.IMAP4 = (
                imaplib.IMAP4_SSL(
                    account.host,
                    account.port,
                    ssl_context=ssl.create_default_context(),
                    timeout=account.answer_seconds,
                )
                if account.encrypted
                else imaplib.IMAP4(account.host, account.port, timeout=account.answer_seconds)
            )
            try:
                self._ok(self._server.login(account.user, password), "the mail server refuses the login")
                self._ok(self._server.select(_quoted(account.folder)), "the mail folder cannot be opened")
                # It is there already, as a rule.
                self._server.create(self._aside)
            except BaseException:
                self.close()
                raise

    def waiting(self, most: int) -> list[Waiting]:
        with self._as_away():
            found = self._ok(self._server.uid("SEARCH", "UNDELETED"), "the folder cannot be searched")
            uids = (found[0] or b"").split()[:most]
            if not uids:
                return []
            sizes = self._ok(
                self._server.uid("FETCH", b",".join(uids).decode(), "(UID RFC822.SIZE)"), "sizes cannot be asked for"
            )
        by_uid = {}
        for line in sizes:
            if isinstance(line, bytes) and (fits := _SIZE.search(line)):
                uid, size, other_size, other_uid = fits.groups()
                by_uid[uid or other_uid] = int(size or other_size)
        return [Waiting(uid.decode(), by_uid[uid]) for uid in uids if uid in by_uid]

    def read(self, mail: str) -> bytes:
        return self._literal(mail, "(BODY.PEEK[])")

    def head(self, mail: str) -> bytes:
        return self._literal(mail, "(BODY.PEEK[HEADER])")

    def done(self, mail: str) -> None:
        with self._as_away():
            if "MOVE" in self._server.capabilities:
                self._ok(self._server.uid("MOVE", mail, self._aside), "a mail cannot be put aside")
                return
            self._ok(self._server.uid("COPY", mail, self._aside), "a mail cannot be put aside")
            self._ok(self._server.uid("STORE", mail, "+FLAGS.SILENT", r"(\Deleted)"), "a mail cannot be marked")
            if "UIDPLUS" in self._server.capabilities:
                # A plain EXPUNGE would take away what somebody else has marked.
                self._ok(self._server.uid("EXPUNGE", mail), "a mail cannot be put aside")

    def close(self) -> None:
        server = getattr(self, "_server", None)
        if server is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                server.logout()

    def _literal(self, mail: str, what: str) -> bytes:
        with self._as_away():
            found = self._ok(self._server.uid("FETCH", mail, what), "a mail cannot be read")
            for part in found:
                if isinstance(part, tuple):
                    return bytes(part[1])
        raise MailboxAway("a mail is gone from the box")

    @contextmanager
    def _as_away(self) -> Iterator[None]:
        with _as_away(self._account.host):
            try:
                yield
            except imaplib.IMAP4.error as error:
                # The server's own words may hold the user's name.
                raise MailboxAway(type(error).__name__) from None

    @staticmethod
    def _ok(answer: tuple[str, Any], fault: str) -> list[Any]:
        if answer[0] != "OK":
            raise MailboxAway(fault)
        return list(answer[1])


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


@contextmanager
def _as_away(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ssl.SSLError) as error:
        raise MailboxAway(f"{where}: {type(error).__name__}") from None
