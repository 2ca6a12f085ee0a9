"""Every setting of the line, typed and documented. Read from `hotline.toml` (or the file HOTLINE_CONFIG names).

Environment variables `HOTLINE_<SECTION>__<KEY>` override the file. Servers listen on loopback unless a `bind` says
otherwise. Times are seconds unless the key ends in `_ms`.
"""

from __future__ import annotations

import os
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hotline.errors import SettingsError

_HOST_AND_PORT = r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$"
_SYSTEMNAME = r"^[A-Za-z][A-Za-z0-9]{0,15}$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_QueueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
_LineNumber = Annotated[str, Field(pattern=r"^[0-9]{3,16}$")]
_ReasonName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]


_AreaCode = Annotated[str, Field(pattern=r"^[0-9]{6}([0-9]{6})?$")]


class Site(_Section):
    """The city this line serves."""

    name: str = Field("三门峡", description="City name as spoken and shown.")
    id: str = Field("smx", pattern=r"^[a-z][a-z0-9]{1,15}$", description="Short id; prefix of the Redis keys.")
    area_code: str = Field("0398", pattern=r"^0[1-9][0-9]{1,2}$", description="Area code with its leading 0.")
    timezone: str = Field("Asia/Shanghai", description="IANA zone of opening hours and work days.")
    areas: dict[_AreaCode, str] = Field(
        default_factory=lambda: {
            "411200": "三门峡市",
            "411202": "湖滨区",
            "411203": "陕州区",
            "411221": "渑池县",
            "411224": "卢氏县",
            "411281": "义马市",
            "411282": "灵宝市",
        },
        description="Administrative divisions (GB/T 2260) a demand may be in, with their names.",
    )


class Postgres(_Section):
    """PostgreSQL: the truth."""

    host: str = Field("127.0.0.1", description="Host of the server.")
    port: int = Field(15432, description="TCP port.")
    database: str = Field("hotline", description="Database name.")
    user: str = Field("hotline", description="Role name.")
    password: str = Field("hotline", description="The role's password; the private instance listens on loopback only.")
    private: bool = Field(True, description="Whether `hotline up` starts a private server under var/.")
    buffers_mb: int = Field(
        0,
        ge=0,
        le=1_048_576,
        description="Memory the private server keeps pages in; 0: an eighth of the machine's, 128 to 4096 MB.",
    )

    @property
    def url(self) -> str:
        """SQLAlchemy URL."""
        return f"postgresql+asyncpg://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


class Redis(_Section):
    """Redis: the live state."""

    host: str = Field("127.0.0.1", description="Host of the server.")
    port: int = Field(16379, description="TCP port.")
    private: bool = Field(True, description="Whether `hotline up` starts a private server under var/.")
    sentinels: list[Annotated[str, Field(pattern=_HOST_AND_PORT)]] = Field(
        default=[], max_length=9, description="host:port of each Redis Sentinel; with any, they say which Redis to use."
    )
    master_name: str = Field(
        "hotline", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Name under which the sentinels know the primary."
    )

    @model_validator(mode="after")
    def _sentinels_lead_to_servers_that_are_not_ours(self) -> Self:
        if self.sentinels and self.private:
            raise ValueError("sentinels lead to servers of the site: set private = false")
        return self

    @property
    def url(self) -> str:
        """Redis URL; with sentinels `redis+sentinel://host:port,host:port/<master_name>`. `hotline.redis.connect`
        takes both."""
        if self.sentinels:
            return f"redis+sentinel://{','.join(self.sentinels)}/{self.master_name}"
        return f"redis://{self.host}:{self.port}/0"


class Trunk(_Section):
    """A SIP trunk: the carrier, a branch centre's PBX, the province, an emergency desk."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Endpoint name in pjsip.conf.")
    contact: str = Field(
        pattern=_HOST_AND_PORT,
        description="host:port the far side listens on; calls go there.",
    )
    identify: list[str] = Field(
        default=[],
        description="Addresses, or address:port, calls may come from; empty: this trunk takes no incoming calls.",
    )
    inbound: bool = Field(False, description="Whether its incoming calls are citizens' calls.")


class Peer(_Section):
    """Another Asterisk host of this site."""

    systemname: str = Field(pattern=_SYSTEMNAME, description="Its systemname.")
    sip: str = Field(
        pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]{1,5}$",
        description="IPv4 address:port of its SIP listener; its calls come from this address and no others do.",
    )

    @property
    def address(self) -> str:
        """The address without the port."""
        return self.sip.rpartition(":")[0]


class Asterisk(_Section):
    """The Asterisk this host runs."""

    systemname: str = Field("ast1", pattern=_SYSTEMNAME, description="systemname; part of call ids.")
    bind: str = Field("127.0.0.1", description="Address of the SIP and RTP listeners.")
    sip_port: int = Field(15060, description="SIP over UDP (trunks, desk phones).")
    http_port: int = Field(18088, description="WebSocket for browser phones.")
    ami_port: int = Field(15038, description="AMI, loopback only.")
    rtp_start: int = Field(20000, description="First RTP port.")
    rtp_end: int = Field(20999, description="Last RTP port.")
    ami_user: str = Field("hotline", description="AMI user of our processes.")
    ami_secret: str = Field("", description="AMI secret; empty: one is made and kept under var/.")
    trunks: list[Trunk] = Field(
        default=[], description="SIP trunks. With none, nobody can call in and nothing is dialled outside."
    )
    extensions_from: int = Field(8001, description="First seat extension (desk phone endpoint).")
    extensions_count: int = Field(20, ge=0, le=2000, description="How many seat extensions.")
    webrtc_from: int = Field(9001, description="First browser-phone extension.")
    webrtc_count: int = Field(20, ge=0, le=2000, description="How many browser-phone extensions.")
    phone_secret: str = Field("", description="SIP password base of seats; empty: made and kept under var/.")
    peers: list[Peer] = Field(default=[], max_length=31, description="The other Asterisk hosts of this site.")

    @model_validator(mode="after")
    def _hosts_can_be_told_apart(self) -> Self:
        names = [self.systemname, *(peer.systemname for peer in self.peers)]
        if len({name.lower() for name in names}) != len(names):
            raise ValueError("each host of a site needs a systemname of its own")
        addresses = [peer.address for peer in self.peers]
        if len(set(addresses)) != len(addresses):
            raise ValueError("each peer needs an address of its own: that is what its calls are known by")
        if set(addresses) & {re.split("[:/]", address)[0] for trunk in self.trunks for address in trunk.identify}:
            raise ValueError("a peer's address may not be a trunk's: a citizen's call would pass for the peer's")
        if self.peers and not self.phone_secret:
            raise ValueError("phones may register with any host of a site: set one phone_secret on all of them")
        return self


_Network = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?$")]
"""An IPv4 address or network."""


class Kamailio(_Section):
    """Kamailio in front of the Asterisk hosts of a site."""

    private: bool = Field(False, description="Whether `hotline up` runs one on this machine.")
    bind: str = Field(
        "127.0.0.1", pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$", description="Its address, and nobody else's."
    )
    sip_port: int = Field(15070, description="Carriers and seats come here (UDP).")
    trunk_port: int = Field(15071, description="Citizens' calls go to the hosts from here (UDP).")
    carriers: list[_Network] = Field(default=[], max_length=64, description="Whose calls are citizens' calls.")
    seats: list[_Network] = Field(default=[], max_length=64, description="Networks whose phones may register.")
    probe_seconds: int = Field(2, ge=1, le=60, description="Each host is asked so often whether it is there.")


class Voice(_Section):
    """Voice processes: FastAGI, AMI, the story of each call."""

    processes: int = Field(2, ge=1, le=16, description="Voice processes on this host.")
    fastagi_bind: str = Field("127.0.0.1", description="Address of the FastAGI listeners.")
    fastagi_port: int = Field(14573, description="FastAGI port of the first process; the next ones follow.")
    ring_seconds: int = Field(20, ge=3, le=120, description="How long one agent's phone rings.")
    pop_wait_ms: int = Field(300, ge=0, le=2000, description="Longest wait for the pop to be written before Dial.")
    redis_grace_seconds: float = Field(
        5.0, description="How long callers are kept without Redis before the native queue."
    )
    drain_seconds: float = Field(20.0, description="Longest wait for calls to leave on an orderly stop.")


class Acd(_Section):
    """Distribution of calls."""

    general_after_ms: int = Field(15_000, description="A call for experts also asks general agents after this long.")
    wrap_up_seconds: int = Field(30, ge=0, le=600, description="After-call work (话后整理) before the next offer.")
    lease_ms: int = Field(3_000, description="Lease of a process on its calls; renewed every third of it.")
    reserve_ms: int = Field(5_000, description="Longest time from reservation to ringing.")
    rebuild_ms: int = Field(1_500, description="After a new site epoch: how long processes re-send before matching.")
    no_answer_not_ready: bool = Field(True, description="An agent that let the phone ring out becomes not ready.")
    not_ready_reasons: list[str] = Field(
        ["小休", "用餐", "培训", "会议"], min_length=1, description="What an agent may be not ready (示忙) for."
    )
    host_lease_ms: int = Field(
        6_000, ge=1_000, description="An Asterisk nobody has seen for so long: its phones are not offered calls."
    )
    rest_ms: int = Field(5_000, ge=0, description="No offers to a phone that was not registered when called.")
    busy_rest_ms: int = Field(5_000, ge=0, description="No offers to a phone that was busy.")
    failed_rest_ms: int = Field(10_000, ge=0, description="No offers to a phone that failed.")
    rest_max_ms: int = Field(60_000, ge=0, description="Failures in a row double the rest, up to this.")


class Callbacks(_Section):
    """Calling citizens back (回拨)."""

    trunk: str = Field("carrier", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Trunk citizens are called through.")
    caller_id: str = Field("12345", pattern=r"^[0-9]{3,16}$", description="Number shown on the citizen's phone.")
    ring_seconds: int = Field(40, ge=10, le=120, description="How long the citizen's phone rings.")
    attempts: int = Field(3, ge=1, le=10, description="How often a citizen is dialled for one promise.")
    spacing_minutes: float = Field(
        15.0, ge=0, description="From an attempt that did not reach the citizen to the next."
    )
    per_day: int = Field(4, ge=1, description="How often one number is dialled in a day, over all promises.")
    quiet_from: time = Field(time(21), description="From here on only who asked to be called back is called.")
    quiet_to: time = Field(time(8), description="Until here; the same as quiet_from: no quiet hours.")
    missed: bool = Field(True, description="Whether everyone who gave up is called back (漏接电话回拨).")
    missed_after_seconds: float = Field(5.0, ge=0, description="Who gave up sooner had dialled by mistake.")
    missed_delay_seconds: float = Field(60.0, ge=0, description="Time to dial again before being called back.")
    missed_at_once: int = Field(
        4, ge=1, description="So many missed calls ask for agents at a time: callers come first."
    )
    keep_hours: float = Field(48.0, gt=0, description="Older promises are given up.")


class CallsOut(_Section):
    """Calls out (外呼): an agent calls a citizen or a unit about a ticket."""

    trunk: str = Field("carrier", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Trunk parties are called through.")
    caller_id: str = Field("12345", pattern=r"^[0-9]{3,16}$", description="Number the party sees.")
    caller_id_of_line: bool = Field(
        False, description="Show the hotline the ticket came in by instead, where it is a line of ours."
    )
    ring_seconds: int = Field(45, ge=10, le=120, description="How long the party's phone rings.")
    auto_answer: str = Field(
        "",
        pattern=r"^$|^[A-Za-z][A-Za-z-]{0,31}: [A-Za-z0-9][A-Za-z0-9 =<>:/.@-]{0,127}$",
        description="SIP header by which the agent's own phone answers by itself; empty: it rings.",
    )
    opens: time = Field(time(8), description="Citizens are called from here on; the same as closes: at any hour.")
    closes: time = Field(time(21), description="Until before here.")
    per_day: int = Field(4, ge=1, description="How often one number is called out in a day, whatever for.")
    spacing_minutes: float = Field(15.0, ge=0, description="Between two calls to one number.")
    forbidden_prefixes: list[str] = Field(
        [], description="Beginnings of numbers in E.164 that are never called, e.g. +86168."
    )
    typed_by: list[str] = Field(["supervisor"], description="Roles whose people may type a number.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes < self.opens:
            raise ValueError("calls_out.closes lies before opens")
        return self


class Rounds(_Section):
    """Follow-up rounds (回访轮次)."""

    opens: time = Field(time(9), description="Citizens are called from here on; the same as closes: at any hour.")
    closes: time = Field(time(20), description="Until before here.")
    workdays_only: bool = Field(False, description="Whether only on working days (工作日).")
    attempts: int = Field(3, ge=1, le=10, description="Attempts in vain that make a citizen unreachable (未接通).")
    days: int = Field(2, ge=1, le=30, description="Over how many days they are spread.")
    per_day: int = Field(2, ge=1, description="How often one number is called for rounds in a day.")
    spacing_minutes: float = Field(120.0, ge=0, description="From an attempt in vain to the next.")
    failures: int = Field(5, ge=1, description="Calls that our side could not make, after which a ticket is given up.")
    put_offs: int = Field(3, ge=0, description="How often agents may put a ticket off.")
    preview_minutes: float = Field(10.0, gt=0, description="How long a ticket stays with an agent who does nothing.")
    write_up_minutes: float = Field(30.0, gt=0, description="The same after the talk, for the result.")
    ivr_at_once: int = Field(4, ge=0, description="Automated calls (自动回访) at a time; 0: none.")
    ivr_per_minute: int = Field(10, ge=1, description="Automated calls begun in any minute.")
    ivr_ring_seconds: int = Field(30, ge=10, le=120, description="How long the citizen's phone rings for one.")
    feed: Literal["off", "agent", "ivr"] = Field(
        "agent",
        description="Who visits what is due (回访全覆盖) in the day's round; off: rounds are made by hand alone.",
    )

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if self.closes < self.opens:
            raise ValueError("rounds.closes lies before opens")
        return self


class Sms(_Section):
    """Texts to citizens (短信), through a gateway."""

    url: str = Field("", pattern=r"^(https?://[^\s]{1,500})?$", description="Where texts are posted; empty: none is.")
    key_file: str = Field("", description="Hexadecimal key of the requests' signature; empty: keys/sms under var_dir.")
    answer_seconds: float = Field(10.0, gt=0, le=60, description="Longest wait for the gateway's answer.")


class Messages(_Section):
    """Messages citizens leave (留言)."""

    max_seconds: int = Field(120, ge=10, le=600, description="Longest message.")
    silence_seconds: int = Field(6, ge=2, le=60, description="So long without a word ends it.")
    tickets: bool = Field(True, description="Whether each becomes a ticket (工单).")
    transcription_model: str = Field(
        "", max_length=500, description="Folder of the model that writes messages down (转写); empty: none does."
    )


class Transfers(_Section):
    """Whom a call can be transferred to (转接)."""

    contact_trunk: str = Field(
        "carrier", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Trunk through which units' contacts are called."
    )
    contact_ring_seconds: int = Field(25, ge=3, le=120, description="How long a contact's phone rings.")


class Handovers(_Section):
    """Data that go with a call (数据随话务) to another platform, and come with one from there."""

    answer_seconds: float = Field(5.0, gt=0, le=60, description="Longest wait for the other platform's answer.")
    retry_seconds: float = Field(1.0, gt=0, le=60, description="From the first failure to the next try; then doubled.")
    longest_retry_seconds: float = Field(30.0, ge=1, le=3600, description="Bound of that doubling.")
    keep_hours: float = Field(48.0, gt=0, description="What could not be delivered for so long is given up.")
    window_seconds: int = Field(300, ge=10, le=3600, description="How far a partner's clock may be from ours.")
    arrival_minutes: float = Field(
        10.0, gt=0, le=240, description="A call from the partner within this time is taken to belong to the data."
    )


class Exchange(_Section):
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


class Attachments(_Section):
    """Files that belong to a ticket (附件)."""

    folder: str = Field("", description="Where they are, the same for every host; empty: attachments under var_dir.")
    largest_mb: int = Field(20, ge=1, le=100, description="Largest file, in MiB.")
    per_ticket: int = Field(20, ge=1, le=200, description="How many a ticket may have.")


class MailBox(_Section):
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


class Mail(_Section):
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


_FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class LookupField(_Section):
    """What an agent types for a look-up."""

    name: _FieldName = Field(description="Its name in the request.")
    label: str = Field(min_length=1, max_length=40, description="What the agent reads.")
    pattern: str = Field(r"[^\x00-\x1f\x7f]+", max_length=200, description="Regular expression the whole value fits.")
    hint: str = Field("", max_length=100, description="Said below it, and where the value does not fit.")
    longest: int = Field(60, ge=1, le=200, description="Most characters of a value.")

    @model_validator(mode="after")
    def _is_an_expression(self) -> Self:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return self


class LookupShown(_Section):
    """A value of a department's answer that is shown."""

    label: str = Field(min_length=1, max_length=40, description="What the agent reads.")
    at: str = Field(pattern=r"^(/[^/]*){1,12}$", max_length=200, description="Where it is in the answer: JSON pointer.")


class LookupQuery(_Section):
    """A question that agents may ask a department's own system."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Short id, in addresses and in the audit log.")
    name: str = Field(min_length=1, max_length=40, description="What it is about.")
    department: str = Field(min_length=1, max_length=60, description="Whose system answers.")
    url: str = Field(
        pattern=r"^https?://[^\s/@{}]{1,253}(/[^\s]{0,500})?$",
        description="Address of its service; {name} in path or query is a field's value.",
    )
    method: Literal["GET", "POST"] = Field("POST", description="POST keeps values out of addresses.")
    seconds: float = Field(8.0, gt=0, le=30, description="Longest wait for the whole answer.")
    roles: list[Literal["agent", "expert"]] = Field(
        ["agent", "expert"], min_length=1, description="Roles whose people may ask."
    )
    skills: list[str] = Field([], max_length=32, description="Skill groups, of which one must be held; empty: any.")
    fields: list[LookupField] = Field(min_length=1, max_length=12, description="What is asked for.")
    shown: list[LookupShown] = Field(min_length=1, max_length=40, description="What is shown of the answer.")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names) or set(names) & {"operator", "reason"}:
            raise ValueError("fields need names of their own; operator and reason go with every request")
        if unknown := set(re.findall(r"\{([^{}]*)\}", self.url)) - set(names):
            raise ValueError(f"no such field: {', '.join(sorted(unknown))}")
        return self


class Lookups(_Section):
    """Look-ups in departments' systems (部门查询)."""

    queries: list[LookupQuery] = Field(default=[], max_length=200, description="The questions there are.")
    after_call_minutes: float = Field(
        15.0, ge=0, le=120, description="How long a call that is over is still a reason for its agent."
    )

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        codes = [query.code for query in self.queries]
        if len(set(codes)) != len(codes):
            raise ValueError("each query needs a code of its own")
        return self


class Survey(_Section):
    """Satisfaction by key press after a talk (满意度评价, 好差评)."""

    enabled: bool = Field(True, description="Whether citizens are asked after a talk with an agent.")
    queues: dict[_QueueName, bool] = Field(default={}, description="Queues for which it is otherwise.")
    lines: dict[_LineNumber, bool] = Field(
        default={}, description="Hotlines for which it is otherwise; they come before queues."
    )
    routed: bool = Field(False, description="Whether calls that a branch centre took are asked about, too.")
    wait_seconds: float = Field(6.0, ge=1, le=30, description="For a key, from the end of the question.")
    satisfied_levels: int = Field(
        3, ge=1, le=4, description="The best so many of the five levels count as satisfied (满意率)."
    )
    reasons: dict[_ReasonName, Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default={"attitude": "服务态度", "skill": "业务水平", "waiting": "等候时间", "unsolved": "问题没有解决"},
        max_length=8,
        description="What a dissatisfied citizen can name as the reason, in the order of the keys from 1.",
    )
    callback: bool = Field(True, description="Whether who is dissatisfied is called back (不满意回访).")
    callback_after_minutes: float = Field(30.0, ge=0, le=2880, description="From the survey to that call, at least.")


class Recording(_Section):
    """Recording (录音) of talks with agents."""

    enabled: bool = Field(True, description="Whether talks are recorded.")
    announce: bool = Field(True, description="Whether the citizen is told so after the greeting.")
    folder: str = Field("", description="Where recordings are kept; empty: recordings under var_dir.")
    key_file: str = Field("", description="The keys they are sealed with; empty: keys/recordings under var_dir.")
    format: Literal["mp3", "opus"] = Field("mp3", description="What they are kept and played as.")
    retention_days: int = Field(1095, ge=1, le=36_500, description="Kept for so long, longer under a legal hold.")
    pause_seconds: int = Field(120, ge=5, le=600, description="A pause that nobody ends ends by itself.")
    gap_ms: int = Field(1_000, ge=50, description="What may be missing of a talk before it is told.")
    low_free_mb: int = Field(5_000, ge=0, description="Less free space than this raises the alarm.")
    stop_free_mb: int = Field(1_000, ge=0, description="Less than this: calls go on, and are not recorded.")
    full_in_days: int = Field(14, ge=0, description="Full within so many days at this growth raises the alarm.")
    agents_may_hear: bool = Field(False, description="Whether agents may hear the talks that were their own.")


_Supervisor = Literal["supervisor", "admin"]


class Supervision(_Section):
    """What supervisors (班长) may do in agents' calls. A supervisor's agents are those of the own teams (班组)."""

    listen: list[_Supervisor] = Field(["supervisor"], description="Roles that may listen (监听).")
    whisper: list[_Supervisor] = Field(["supervisor"], description="Roles that may speak to the agent alone (密语).")
    barge: list[_Supervisor] = Field(["supervisor"], description="Roles that may speak to both (强插).")
    take_over: list[_Supervisor] = Field(["supervisor"], description="Roles that may take a citizen over (拦截).")
    hang_up: list[_Supervisor] = Field(["supervisor"], description="Roles that may end an agent's talk (强拆).")
    message: list[_Supervisor] = Field(["supervisor", "admin"], description="Roles that may write to agents (消息).")
    force: list[_Supervisor] = Field(["supervisor", "admin"], description="Roles that may force states (强制状态).")
    every_team: list[_Supervisor] = Field(["admin"], description="Roles that are bound to no team.")
    shown: list[Literal["listening", "whispering", "barged"]] = Field(
        ["whispering", "barged"], description="What an agent is shown while it lasts."
    )
    ring_seconds: int = Field(20, ge=3, le=120, description="How long the supervisor's phone rings.")


class Talk(_Section):
    """What an agent does in a talk: hold, third parties."""

    hold_seconds: int = Field(180, ge=10, le=3600, description="Longest hold; then the citizen is in the talk again.")
    blind_seconds: int = Field(
        45, ge=10, le=600, description="Longest wait for each number of who is called after the agent has left."
    )
    silent_seconds: float = Field(
        6.0, ge=1, le=60, description="A third party who answered and sends no sound for so long is told to the agent."
    )


class Menus(_Section):
    """Menus (菜单) before a human."""

    second_approver: bool = Field(
        False, description="Whether a menu is published only when a second person approves it (双人复核)."
    )
    web_allowed_hosts: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:-]{0,252}$")]] = Field(
        default=[],
        max_length=64,
        description="Hosts a web request may reach although their address is private, and by plain http.",
    )
    web_at_once: int = Field(4, ge=1, le=64, description="Web requests to one host at a time.")
    longest_seconds: int = Field(
        180, ge=15, le=1800, description="Longest stay of a caller in menus; then a human, wherever they are in it."
    )
    away_seconds: int = Field(
        120, ge=15, le=1800, description="Longest stay in a menu that an agent sent the citizen into out of the talk."
    )


class Progress(_Section):
    """Citizens ask for the progress of their tickets by number and query code (办理进度自助查询)."""

    ticket_failures: int = Field(5, ge=1, le=20, description="Questions in vain for one ticket that lock it.")
    caller_failures: int = Field(10, ge=1, le=100, description="The same by one caller, or one address.")
    failures_per_minute: int = Field(
        20, ge=1, le=1000, description="The same by everybody in a minute, by phone and by web apart."
    )
    lock_minutes: float = Field(60.0, ge=1, le=1440, description="How long a ticket or a caller stays locked.")
    answer_ms: int = Field(300, ge=0, le=2000, description="Every answer takes so long, whatever it is.")
    key_file: str = Field("", description="The key codes are hashed with; empty: keys/query-codes under var_dir.")


class Privacy(_Section):
    """Personal data of citizens (个人信息) are sealed in the tables."""

    key_file: str = Field(
        "", description="The keys they are sealed with, the same on every host; empty: keys/personal under var_dir."
    )
    witness_file: str = Field(
        "",
        description="Where the audit log's heads are noted outside the database; empty: audit/witness under var_dir.",
    )
    exchange_days: int = Field(
        800, ge=30, description="How long events of a finished ticket stay in the feeds of other systems."
    )
    menu_visits_days: int = Field(
        800, ge=30, description="How long it is kept which nodes of menus a call went through."
    )


class Waiting(_Section):
    """What a citizen hears and may choose while waiting for an agent."""

    first_after_seconds: float = Field(3.0, ge=0, le=60, description="From joining a queue to the first announcement.")
    every_seconds: float = Field(30.0, ge=5, le=600, description="Music between two announcements.")
    comforts_between: int = Field(
        1, ge=0, le=10, description="Comfort messages (安抚语) between two announcements of the place."
    )
    longest_minutes: int = Field(
        30, ge=1, le=60, description="A longer expected wait is not said in minutes but as `may take longer`."
    )
    offer_callback: bool = Field(True, description="Key 2: a callback that keeps the place, in every queue.")
    offer_message: bool = Field(
        False, description="Key 3: leave a message, in every queue; queues whose overflow says so offer it anyway."
    )
    affinity_hours: float = Field(
        72.0, ge=0, le=720, description="The agent of a talk no older than this is asked first; 0: never."
    )


class Priority(_Section):
    """Head starts (优先) of a call over its place by time of entry. Reasons add up; the sum has a bound."""

    repeat_ms: int = Field(60_000, ge=0, le=600_000, description="Calls again within repeat_hours, matter still open.")
    repeat_hours: float = Field(24.0, ge=0, le=168, description="How long a call counts for repeat_ms.")
    redial_ms: int = Field(
        180_000, ge=0, le=600_000, description="Dials again after giving up; at most what was waited then."
    )
    redial_minutes: float = Field(30.0, ge=0, le=1440, description="How long giving up counts for redial_ms.")
    callback_due_ms: int = Field(180_000, ge=0, le=600_000, description="Calls while a callback is owed.")
    vulnerable_ms: int = Field(120_000, ge=0, le=600_000, description="The number is marked as a vulnerable caller's.")
    emergency_ms: int = Field(600_000, ge=0, le=600_000, description="No emergency desk took the call.")
    lookup_ms: int = Field(
        50, ge=0, le=1000, description="Longest the queueing of a call waits for what is known of its caller."
    )


class Web(_Section):
    """The web process."""

    bind: str = Field("127.0.0.1", description="Address of the HTTP listener.")
    port: int = Field(18345, description="HTTP port.")
    session_hours: float = Field(12.0, description="Absolute life of a session token.")
    idle_minutes: float = Field(60.0, description="A token unused for so long is void.")
    public_per_minute: int = Field(
        60, ge=1, description="Questions of one address without a login (progress, knowledge) in a minute."
    )
    origin: str = Field(
        "",
        pattern=r"^(https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?)?$",
        description="Address browsers have this site by, for a proxy that does not hand the Host header on.",
    )


_RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]


class SignIn(_Section):
    """Signing in (登录)."""

    attempts: int = Field(5, ge=2, le=50, description="So many wrong passwords or codes lock a login.")
    lock_minutes: float = Field(15.0, gt=0, description="The first lock; each one in a row lasts twice as long.")
    longest_lock_hours: float = Field(24.0, gt=0, description="The longest lock.")
    address_attempts: int = Field(
        50,
        ge=1,
        description="So many sign-ins in vain within lock_minutes make an address wait; a shift may share one.",
    )
    second_step_roles: list[_RoleName] = Field(
        ["supervisor", "admin", "auditor"], description="Roles whose people need a second step (动态口令) in a browser."
    )


class Citizen(_Section):
    """Citizens' own pages, under /public."""

    cases: bool = Field(
        False, description="Whether settled demands are shown to everybody (公开办理), without who made them."
    )
    case_types: list[Literal["consult", "help", "complaint", "report", "suggestion"]] = Field(
        ["consult", "help", "suggestion"], description="Types of demands (诉求类型) that are shown so."
    )
    case_after_days: float = Field(7.0, ge=0, description="How long after it was settled one is shown at the earliest.")


class WebCalls(_Section):
    """Calls from citizens' own page, /public/call (网页通话)."""

    enabled: bool = Field(True, description="Whether the page calls 12345; without it, it says to dial.")
    at_once: int = Field(20, ge=1, le=1000, description="Such calls at a time, of everybody.")
    per_address: int = Field(3, ge=1, le=1000, description="At a time from one address; one may be many people's.")
    per_hour: int = Field(20, ge=1, le=10_000, description="Calls asked for by one address in an hour.")
    media_address: str = Field(
        "",
        pattern=r"^([0-9]{1,3}(\.[0-9]{1,3}){3})?$",
        description="Address browsers outside send sound to, where it is not asterisk.bind's own.",
    )


class Watchdog(_Section):
    """The process that notices a voice process that hangs."""

    interval_ms: int = Field(1_000, description="Time between two pings.")
    timeout_ms: int = Field(1_500, description="A ping without answer for so long counts as missed.")
    misses: int = Field(2, description="So many misses in a row: the process is hung.")


class Settings(BaseSettings):
    """All of `hotline.toml`. `var_dir` holds everything the project writes; relative paths start at the project."""

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=None
    )

    var_dir: Path = Field(Path("var"), description="Private folder for servers, logs, sockets and spools.")
    log_level: str = Field("info", description="debug, info, warning or error.")
    site: Site = Field(default_factory=Site)
    postgres: Postgres = Field(default_factory=Postgres)
    redis: Redis = Field(default_factory=Redis)
    asterisk: Asterisk = Field(default_factory=Asterisk)
    kamailio: Kamailio = Field(default_factory=Kamailio)
    voice: Voice = Field(default_factory=Voice)
    acd: Acd = Field(default_factory=Acd)
    menus: Menus = Field(default_factory=Menus)
    progress: Progress = Field(default_factory=Progress)
    privacy: Privacy = Field(default_factory=Privacy)
    waiting: Waiting = Field(default_factory=Waiting)
    talk: Talk = Field(default_factory=Talk)
    priority: Priority = Field(default_factory=Priority)
    callbacks: Callbacks = Field(default_factory=Callbacks)
    calls_out: CallsOut = Field(default_factory=CallsOut)
    rounds: Rounds = Field(default_factory=Rounds)
    sms: Sms = Field(default_factory=Sms)
    messages: Messages = Field(default_factory=Messages)
    recording: Recording = Field(default_factory=Recording)
    survey: Survey = Field(default_factory=Survey)
    transfers: Transfers = Field(default_factory=Transfers)
    handovers: Handovers = Field(default_factory=Handovers)
    attachments: Attachments = Field(default_factory=Attachments)
    mail: Mail = Field(default_factory=Mail)
    lookups: Lookups = Field(default_factory=Lookups)
    exchange: Exchange = Field(default_factory=Exchange)
    supervision: Supervision = Field(default_factory=Supervision)
    web: Web = Field(default_factory=Web)
    sign_in: SignIn = Field(default_factory=SignIn)
    citizen: Citizen = Field(default_factory=Citizen)
    web_calls: WebCalls = Field(default_factory=WebCalls)
    watchdog: Watchdog = Field(default_factory=Watchdog)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file()))


def project_root() -> Path:
    """The checkout the code runs from; templates and data are found from here."""
    return Path(__file__).resolve().parent.parent


def settings_file() -> Path:
    """The file settings are read from."""
    return Path(os.environ.get("HOTLINE_CONFIG", project_root() / "hotline.toml")).resolve()


def load_settings() -> Settings:
    """Read and check the settings. Raises SettingsError naming each wrong key."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(wrong, remedy=f"correct {settings_file()}; every key is described there") from None
    except ValueError as error:
        raise SettingsError(str(error), remedy=f"{settings_file()} must be valid TOML") from None
    if settings.var_dir.is_absolute():
        return settings
    return settings.model_copy(update={"var_dir": settings_file().parent / settings.var_dir})
