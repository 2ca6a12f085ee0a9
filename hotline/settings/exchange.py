"""What goes to others and comes from them: data with calls, events, files, mail."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hotline.settings.section import Section


class Handovers(Section):
    """Data that go with a call (数据随话务) to another platform, and come with one from there."""

    answer_seconds: float = Field(5.0, gt=0, le=60, description="Longest wait for the other platform's answer.")
    retry_seconds: float = Field(1.0, gt=0, le=60, description="From the first failure to the next try; then doubled.")
    longest_retry_seconds: float = Field(30.0, ge=1, le=3600, description="Bound of that doubling.")
    keep_hours: float = Field(48.0, gt=0, description="What could not be delivered for so long is given up.")
    window_seconds: int = Field(300, ge=10, le=3600, description="How far a partner's clock may be from ours.")
    arrival_minutes: float = Field(
        10.0, gt=0, le=240, description="A call from the partner within this time is taken to belong to the data."
    )


class Exchange(Section):
    """Tickets told to units, the province and 110, and Open311."""

    allowed_hosts: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:-]{0,252}$")]] = Field(
        default=[],
        max_length=256,
        description="Hosts of receivers that may be reached although their address is private, and by plain http.",
    )
    answer_seconds: float = Field(10.0, gt=0, le=60, description="Longest wait for a receiver's answer.")
    retry_seconds: float = Field(1.0, gt=0, le=60, description="From the first failure to the next try; then doubled.")
    longest_retry_seconds: float = Field(300.0, ge=1, le=3600, description="Bound of that doubling.")
    park_after: int = Field(
        10, ge=1, le=100, description="Tries in vain after which an event that alone is refused is parked."
    )
    alarm_minutes: float = Field(
        15.0, ge=1, le=1440, description="A receiver that does not answer for so long is told in the log."
    )
    at_once: int = Field(4, ge=1, le=32, description="Events sent to one receiver at a time, of different tickets.")
    jurisdiction: Annotated[str, Field(pattern=r"^[a-z0-9.-]{0,253}$")] = Field(
        "", description="Open311's jurisdiction_id of this city, e.g. its website; empty: any is accepted."
    )
    open311_repeat_minutes: int = Field(
        10, ge=0, le=1440, description="So long an app's request of the same words is the one it sent; 0: never."
    )


class Attachments(Section):
    """Files that belong to a ticket (附件)."""

    folder: str = Field("", description="Where they are, the same for every host; empty: attachments under var_dir.")
    largest_mb: int = Field(20, ge=1, le=100, description="Largest file, in MiB.")
    per_ticket: int = Field(20, ge=1, le=200, description="How many a ticket may have.")


class MailBox(Section):
    """A mailbox that demands come to."""

    channel: str = Field("mail", pattern=r"^[a-z][a-z0-9-]{0,22}$", description="Code of the channel it is.")
    kind: Literal["imap", "maildir"] = Field("imap", description="A box on an IMAP server, or a Maildir on this host.")
    path: str = Field("", description="Folder of a Maildir.")
    host: str = Field("", pattern=r"^[A-Za-z0-9.:-]{0,253}$", description="The IMAP server.")
    port: int = Field(993, ge=1, le=65535, description="Its port.")
    encrypted: bool = Field(True, description="Whether by TLS from the first byte; false for a server on this host.")
    user: str = Field("", max_length=254, description="Whom to log in as.")
    password_file: str = Field("", description="Where the password is; empty: keys/mail-<channel> under var_dir.")
    folder: str = Field("INBOX", pattern=r"^[\x20-\x7e]{1,100}$", description="Folder that is read.")
    aside: str = Field("Done", pattern=r"^[\x20-\x7e]{1,100}$", description="Folder for mails that were taken in.")


class Mail(Section):
    """Mails of citizens (诉求信箱), and the answers to them."""

    boxes: list[MailBox] = Field(default=[], max_length=16, description="Mailboxes that are read.")
    every_seconds: float = Field(60.0, ge=1, le=3600, description="How often they are looked into.")
    largest_mb: int = Field(25, ge=1, le=100, description="A larger mail is not read: its sender is told so.")
    sender: str = Field("", max_length=254, description="Address that answers come from.")
    smtp_host: str = Field(
        "", pattern=r"^[A-Za-z0-9.:-]{0,253}$", description="Server that sends answers; empty: none are sent."
    )
    smtp_port: int = Field(465, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["tls", "starttls", "none"] = Field("tls", description="none: for a server on this host.")
    smtp_user: str = Field("", max_length=254, description="Whom to log in as; empty: nobody.")
    smtp_password_file: str = Field("", description="Where the password is; empty: keys/mail-smtp under var_dir.")

    @model_validator(mode="after")
    def _can_answer(self) -> Self:
        if self.smtp_host and "@" not in self.sender:
            raise ValueError("mail.sender is an address where mail.smtp_host is set")
        return self
