"""What a voice process has at hand, and the calls it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

import structlog

from acd.errors import EpochChanged
from acd.service import Acd
from ami.client import AmiClient
from ami.errors import AmiError
from calls.callback_live import HeldCallback
from calls.dialwatch import DialWatches
from calls.floor_board import FloorBoard
from calls.journal import Journal
from calls.keys import Keys
from calls.live import LiveCall
from calls.menu.rehearsal_board import RehearsalBoard
from calls.menu_answers import MenuAnswers
from calls.message_files import MessageFolders
from calls.pace import Paces
from calls.parting import LegEnds
from calls.pops import Pops
from calls.queueing import CurrentQueues
from calls.recording.pause import Pauses
from calls.recording.room import Gate
from calls.talk.legs import LegWatches
from directory.loader import CurrentDirectory
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import Conflict, PartUnavailable
from hotline.settings import Settings
from ivr.published import Published
from media.store import PromptStore

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Switchboard:
    """The services of one voice process and its live calls, by call id."""

    settings: Settings
    process: str
    clock: Clock
    acd: Acd
    ami: AmiClient
    watches: DialWatches
    legs: LegWatches
    keys: Keys
    paces: Paces
    journal: Journal
    pops: Pops
    database: Database
    prompts: PromptStore
    rendered: frozenset[str]
    """Keys of the catalogue's prompts that can be played."""
    directory: CurrentDirectory
    queues: CurrentQueues
    floor: FloorBoard
    rehearsals: RehearsalBoard
    live: dict[str, LiveCall] = field(default_factory=dict)
    promised: asyncio.Queue[HeldCallback] = field(default_factory=asyncio.Queue)
    """Callbacks promised to citizens who waited here, on their way to `calls.callback_runner`."""
    messages: MessageFolders | None = None
    """Where citizens' messages are recorded; None: nowhere."""
    menus: Published | None = None
    """The menus in force; None: every line is direct."""
    answers: MenuAnswers | None = None
    """What menus look up; None: nothing."""
    address: str = ""
    """host:port at which the dialplan finds this process, once it serves."""
    pauses: Pauses | None = None
    """Pauses of recordings; None: nothing is recorded."""
    gate: Gate | None = None
    """Whether recordings may begin; None: none ever does."""
    epoch_lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when live state is no longer what we knew; `calls.epoch` answers by sending it again."""
    leaving: bool = False
    """Set on an orderly stop: who waits goes on at another process at once."""
    redis_lost_since: float | None = None
    """Monotonic seconds since which the ACD has not answered; None while it does."""
    leg_ends: LegEnds = field(init=False)

    def __post_init__(self) -> None:
        self.leg_ends = LegEnds(self.ami)

    @property
    def degraded(self) -> bool:
        """Whether the ACD has been away for longer than citizens should be held for it."""
        since = self.redis_lost_since
        return since is not None and self.clock.monotonic() - since > self.settings.voice.redis_grace_seconds

    def holds(self, live: LiveCall) -> bool:
        """Whether this is still the call's session: the same call may have come in again while this one ended."""
        return self.live.get(live.call) is live

    def has_prompt(self, key: str) -> bool:
        """Whether this prompt is rendered, or there is a sound of menus under this key now."""
        return key in self.rendered or self.prompts.has_spoken(key)

    def acd_missed(self) -> None:
        """The ACD did not answer; counts from the first time."""
        if self.redis_lost_since is None:
            self.redis_lost_since = self.clock.monotonic()
            _log.warning("acd.lost")

    def acd_heard(self) -> None:
        """The ACD answers (again)."""
        if self.redis_lost_since is not None:
            _log.info("acd.back", away_seconds=round(self.clock.monotonic() - self.redis_lost_since, 1))
            self.redis_lost_since = None

    def talk_until_ms(self) -> int:
        """Until when a talk that goes on is renewed: ten leases, so that a busy moment never ends one."""
        return self.clock.now_ms() + 10 * self.settings.acd.lease_ms

    async def acd_step(self, step: Awaitable[object]) -> bool:
        """Take one step of the ACD on behalf of a call that goes on in any case; returns whether it was taken.

        A refused step is out of date by definition; a step not heard is made good by the deadline every state has,
        and by the rebuild.
        """
        try:
            await step
            return True
        except EpochChanged:
            self.epoch_lost.set()
        except Conflict as error:
            _log.info("acd.step_refused", code=error.code)
        except PartUnavailable as error:
            _log.warning("acd.step_unheard", reason=error.detail)
        return False

    async def ami_step(self, step: Awaitable[object]) -> bool:
        """Ask Asterisk for something that may have become pointless meanwhile; returns whether it was done."""
        try:
            await step
        except AmiError as error:
            _log.info("ami.step_failed", code=error.code)
            return False
        return True
