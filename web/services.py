"""What the web process needs, put together by `server/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from acd.service import Acd
from calls.handover_keys import CHANNEL_KEYS, PartnerKeys
from calls.handover_keys import FILE as KEYS_FILE
from directory.loader import CurrentDirectory
from directory.sessions import Sessions
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.events import EventBus
from hotline.feed import AgentFeed
from hotline.redis import Redis
from hotline.settings import Settings
from hotline.witness import Witness, witness_file
from ticketing.progress import ProgressDesk


def no_phones(extension: str) -> str:  # noqa: ARG001
    """Where there is no Asterisk."""
    raise PartUnavailable("there is no Asterisk beside this process")


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one web process. `server/` builds and closes them."""

    settings: Settings
    database: Database
    redis: Redis
    """Answers soon or fails (`hotline.redis.connect(url)`)."""
    blocking_redis: Redis
    """For reads that wait (`hotline.redis.connect(url, timeout=None)`)."""
    acd: Acd
    """Of a process id of this web process' own, e.g. `ast1/web`; it holds no calls."""
    directory: CurrentDirectory
    sessions: Sessions
    clock: Clock
    phone_password: Callable[[str], str] = no_phones
    """SIP password of an extension of this host's Asterisk. It never leaves the server."""
    events: EventBus = field(default_factory=EventBus)
    """`ticketing.events` are published here, after the commit."""

    @property
    def partner_keys(self) -> PartnerKeys:
        """The keys that other platforms sign with."""
        return PartnerKeys(self.settings.var_dir / KEYS_FILE)

    @property
    def channel_keys(self) -> PartnerKeys:
        """The keys that gateways of demands sign with (`hotline channels key`)."""
        return PartnerKeys(self.settings.var_dir / CHANNEL_KEYS)

    @property
    def witness(self) -> Witness:
        """What this host has written down of the audit log."""
        return Witness(witness_file(self.settings))

    @property
    def progress(self) -> ProgressDesk:
        """How tickets stand, for citizens, and the codes they ask with."""
        return ProgressDesk.of(self.settings, database=self.database, redis=self.redis)

    @property
    def feed(self) -> AgentFeed:
        """Agents' frames, for publishing and confirming."""
        return AgentFeed(self.redis, self.settings.site.id, self.clock)

    @property
    def waiting_feed(self) -> AgentFeed:
        """Agents' frames, for waiting on."""
        return AgentFeed(self.blocking_redis, self.settings.site.id, self.clock)
