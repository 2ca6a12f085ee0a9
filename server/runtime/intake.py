"""What the jobs process does for demands without a call: mailboxes read and answered, attachments swept."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import MailBox, Settings
from ticketing.attachments.keeping import Attachments
from ticketing.attachments.sweeping import Sweep
from ticketing.channels.mail_answers import MailAnswers, SmtpAccount
from ticketing.channels.mail_intake import Box, MailIntake
from ticketing.channels.mailboxes import Imap, ImapAccount, Mailbox, Maildir
from ticketing.channels.receiving import Reception
from ticketing.intake import IntakeDesk
from ticketing.progress_codes import QueryCodes

Job = Callable[[], Coroutine[Any, Any, None]]


def intake_jobs(settings: Settings, *, database: Database) -> tuple[Job, ...]:
    """The jobs that `hotline.toml` asks for."""
    clock, site, keys = SystemClock(), settings.site, settings.mail
    attachments = Attachments.of(settings)
    desk = IntakeDesk(site=site.id, zone=site.timezone, area_code=site.area_code, clock=clock)
    reception = Reception(desk, QueryCodes.of(settings))
    jobs: list[Job] = [Sweep(database, attachments.store, clock).run]
    if keys.boxes:
        intake = MailIntake(
            boxes(settings),
            database=database,
            reception=reception,
            attachments=attachments,
            clock=clock,
            largest=keys.largest_mb << 20,
            every_seconds=keys.every_seconds,
        )
        jobs.append(intake.run)
    if keys.smtp_host:
        account = SmtpAccount(
            keys.smtp_host,
            keys.smtp_port,
            keys.smtp_security,
            keys.smtp_user,
            _under(settings, keys.smtp_password_file or "keys/mail-smtp"),
        )
        answers = MailAnswers(
            database=database, reception=reception, send=account.send, sender=keys.sender, clock=clock
        )
        jobs.append(answers.run)
    return tuple(jobs)


def boxes(settings: Settings) -> list[Box]:
    """The mailboxes of `mail.boxes`."""
    return [_box(settings, box) for box in settings.mail.boxes]


def _box(settings: Settings, box: MailBox) -> Box:
    if box.kind == "maildir":
        return Box(box.channel, lambda: Maildir(_under(settings, box.path)))
    account = ImapAccount(
        box.host,
        box.port,
        box.user,
        _under(settings, box.password_file or f"keys/mail-{box.channel}"),
        folder=box.folder,
        aside=box.aside,
        encrypted=box.encrypted,
    )

    def opened() -> Mailbox:
        return Imap(account)

    return Box(box.channel, opened)


def _under(settings: Settings, path: str) -> Path:
    return settings.var_dir / path
