"""What a menu wants to know of the rest of the house: a ticket's progress, an answer of the knowledge base, a system of
a unit, a queue. Each is a port of `ivr.events` filled in here, bounded in time; what cannot be answered is a failure
with one stable word, and the menu goes on by its failure branch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from acd.errors import EpochChanged
from acd.model import AgentView
from acd.queues import QueueRule
from acd.service import Acd
from acd.states import OCCUPIED, AgentState
from calls.queueing import CurrentQueues
from calls.web_request import WebRequestFailed, WebRequests
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError, PartUnavailable
from hotline.redis import Redis
from hotline.settings import Settings
from ivr.events import CallWeb, LookAtQueue, LookUpKnowledge, LookUpProgress
from media.spoken import text_key
from media.store import PromptStore
from ticketing.knowledge.answers import KnowledgeDesk
from ticketing.knowledge.errors import NoAnswer
from ticketing.progress import ProgressDesk, ProgressRefused

_log = structlog.get_logger(__name__)

_LOOK_UP_SECONDS: Final = 3.0
"""For what the database answers; a caller waits in silence meanwhile."""
_QUEUE_SECONDS: Final = 1.0
_AGENTS_MS: Final = 1_000
"""How old the list of agents may be: at a rush every call asks."""

REFUSED: Final = "refused"
"""Progress: a wrong number, a wrong code, no such ticket, or locked."""
NO_ANSWER: Final = "no_answer"
"""Knowledge: no entry of this code has a valid spoken answer."""
NO_SOUND: Final = "no_sound"
"""The words are known, and nobody has spoken them yet on this host: better a human than silence."""
UNKNOWN_QUEUE: Final = "unknown_queue"
AWAY: Final = "away"
"""A part of ours does not answer."""
TOO_SLOW: Final = "timeout"

AskedOf = LookUpProgress | LookUpKnowledge | CallWeb | LookAtQueue


class MenuWorkFailed(HotlineError):
    """Nothing can be said. `why` is a stable word: one of this module's, or of `calls.web_request.Why`."""

    code = "menu.work_failed"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class MenuAnswers:
    """The ports of one voice process. `close` it at the end."""

    def __init__(
        self,
        *,
        progress: ProgressDesk,
        knowledge: KnowledgeDesk,
        web: WebRequests,
        acd: Acd,
        queues: CurrentQueues,
        clock: Clock,
        has_sound: Callable[[str], bool],
    ) -> None:
        """`has_sound`: whether a text can be played here now."""
        self._progress = progress
        self._knowledge = knowledge
        self._web = web
        self._acd = acd
        self._queues = queues
        self._clock = clock
        self._has_sound = has_sound
        self._agents: Sequence[AgentView] = ()
        self._agents_ms = 0

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        database: Database,
        redis: Redis,
        acd: Acd,
        queues: CurrentQueues,
        clock: Clock,
        prompts: PromptStore,
    ) -> MenuAnswers:
        """As `hotline.toml` has them."""
        return cls(
            progress=ProgressDesk.of(settings, database=database, redis=redis),
            knowledge=KnowledgeDesk(database, clock, settings.site.timezone),
            web=WebRequests.of(settings, clock),
            acd=acd,
            queues=queues,
            clock=clock,
            has_sound=lambda words: prompts.has_spoken(text_key(words)),
        )

    def close(self) -> None:
        """No more web requests."""
        self._web.close()

    async def answer(self, work: AskedOf, *, call: str | None, caller: str) -> Mapping[str, str]:
        """The values of `Done`. `call` is the call's id (None: it is no call, and nothing is kept of it), `caller` the
        caller's number, empty where it is withheld.

        Raises MenuWorkFailed: after 3 s for a look-up, 1 s for a queue, the node's own time for a web request.
        """
        try:
            match work:
                case LookUpProgress():
                    async with asyncio.timeout(_LOOK_UP_SECONDS):
                        found = await self._progress.look_up(work.number, work.code, way="phone", caller=caller)
                    return {"state": self._heard(found.sentence)}
                case LookUpKnowledge():
                    async with asyncio.timeout(_LOOK_UP_SECONDS):
                        spoken = await self._knowledge.spoken(work.entry)
                        words = self._heard(spoken.spoken)
                        if call is not None:
                            await self._knowledge.given(spoken, call=call)
                    return {"text": words}
                case CallWeb():
                    return await self._web.call(work.node, work.send)
                case LookAtQueue():
                    async with asyncio.timeout(_QUEUE_SECONDS):
                        return await self._queue(work.queue)
        except ProgressRefused:
            why = REFUSED
        except NoAnswer:
            why = NO_ANSWER
        except WebRequestFailed as failed:
            why = failed.why.value
        except TimeoutError:
            why = TOO_SLOW
        except (PartUnavailable, EpochChanged, RedisError, SQLAlchemyError, OSError) as error:
            # Without its words: they may hold what was asked for.
            _log.warning("menu.part_away", work=type(work).__name__, reason=type(error).__name__)
            why = AWAY
        raise MenuWorkFailed(why)

    def _heard(self, words: str) -> str:
        """The words, if they can be. Raises MenuWorkFailed."""
        if not self._has_sound(words):
            raise MenuWorkFailed(NO_SOUND)
        return words

    async def _queue(self, queue: str) -> Mapping[str, str]:
        rule = self._queues.rules.get(queue)
        if rule is None:
            raise MenuWorkFailed(UNKNOWN_QUEUE)
        waiting = (await self._acd.queue_lengths()).get(queue, 0)
        return {"waiting": str(waiting), "ready": str(at_work(rule, await self._known_agents()))}

    async def _known_agents(self) -> Sequence[AgentView]:
        now = self._clock.now_ms()
        if not 0 <= now - self._agents_ms < _AGENTS_MS:
            self._agents = await self._acd.agents()
            self._agents_ms = now
        return self._agents


def at_work(rule: QueueRule, agents: Sequence[AgentView]) -> int:
    """Agents who take the calls of a queue now or once they are done with the present one, at any of its steps. Who is
    not ready (示忙), signed out or out of reach takes none."""
    needs = {need for step in rule.steps for need in step.needs}
    taking = OCCUPIED | {AgentState.READY}
    leaving = {AgentState.NOT_READY, AgentState.SIGNED_OUT}
    return sum(
        view.state in taking and view.pending not in leaving and any(need.met_by(view.groups) for need in needs)
        for view in agents
    )
