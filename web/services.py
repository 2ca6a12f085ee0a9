"""What the web process needs, put together by `server/`."""

from __future__ import annotations

from dataclasses import dataclass, field

from acd.service import Acd
from directory.loader import CurrentDirectory
from directory.sessions import Sessions
from hotline.clock import Clock
from hotline.database import Database
from hotline.events import EventBus
from hotline.feed import AgentFeed
from hotline.redis import Redis
from hotline.settings import Settings


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
    events: EventBus = field(default_factory=EventBus)
    """`ticketing.events` are published here, after the commit."""

    @property
    def feed(self) -> AgentFeed:
        """Agents' frames, for publishing and confirming."""
        return AgentFeed(self.redis, self.settings.site.id, self.clock)

    @property
    def waiting_feed(self) -> AgentFeed:
        """Agents' frames, for waiting on."""
        return AgentFeed(self.blocking_redis, self.settings.site.id, self.clock)
