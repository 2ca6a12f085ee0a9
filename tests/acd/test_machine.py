"""Random stories over the real scripts with a clock moved by hand, and scripts with a protection taken out.

The machine keeps a small model of its own: which offers are live, whose they are and until when, and each call's
place. What the model expects to be refused must be refused and change nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import redis.asyncio as aioredis
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.exceptions import ResponseError

from acd.errors import AnsweredCall, EpochChanged, StaleReservation
from acd.model import AcdPolicy, CallRequest, Offer
from acd.scripting import site_keys
from acd.service import Acd
from acd.states import AGENT_MOVES, CALL_MOVES, TALKS, AgentState, CallState, Outcome
from hotline.errors import Conflict, HotlineError
from tests.acd import invariants
from tests.acd.line import RULES, SITE, Line, sources_without
from tests.acd.line import rule as rule_of

NAMES = ("ast1/voice-1", "ast1/voice-2", "ast1/voice-3")
AGENTS = ("1001", "1002", "1003")
POLICY = AcdPolicy(
    lease_ms=3_000, orphan_ms=9_000, unreachable_ms=20_000, absent_ms=40_000, forget_ms=10**9, host_lease_ms=10**9
)
QUEUES = ("general", "expert")
WISHES = ("ready", "ready", "not_ready", "sign_out", "end_wrap_up")
ACTS = ("ringing", "answered", "failed", "gone", "finished", "renew")
OUTCOMES = [outcome for outcome in Outcome if outcome is not Outcome.CALLER_GONE]


@dataclass
class Known:
    """An offer as its owner holds it."""

    offer: Offer
    owner: str


class Distribution(RuleBasedStateMachine):
    """A line with three processes and three agents."""

    url = ""
    sources: Mapping[str, str] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.requests: dict[str, CallRequest] = {}
        self.places: dict[str, int] = {}
        self.answered: set[str] = set()
        self.offers: list[Known] = []
        self.fresh: list[Offer] = []
        """Offers that have been seen since the last look at the rules."""
        self.seen: set[str] = set()
        self.version = 1
        self.picked = ""

    def run(self, work: Awaitable[Any]) -> Any:
        async def waited() -> Any:
            return await work

        return self.runner.run(waited())

    @initialize()
    def open(self) -> None:
        async def begin() -> None:
            self.redis = aioredis.from_url(self.url, decode_responses=True)
            await self.redis.flushall()
            self.line = Line(self.redis, POLICY, self.sources)
            self.acds = {name: await self.line.process(name) for name in NAMES}
            self.down: set[str] = set()

        self.run(begin())
        self.everyone_gets_to_work(AGENTS)

    def teardown(self) -> None:
        if hasattr(self, "redis"):
            self.run(self.redis.aclose())
        self.runner.close()

    # What people and processes do ------------------------------------------------------------------------------

    def up(self) -> list[str]:
        return [name for name in NAMES if name not in self.down]

    def collect(self) -> None:
        """Processes read their inboxes; a dead one's stays full."""
        for name in self.up():
            for offer in self.run(self.line.offers(name)):
                self.offers.append(Known(offer, name))
                self.fresh.append(offer)

    @rule(process=st.sampled_from(NAMES), queue=st.sampled_from(QUEUES), age=st.integers(0, 5_000))
    def caller_enters(self, process: str, queue: str, age: int) -> None:
        if process in self.down or len(self.requests) > 30:
            return
        acd = self.acds[process]
        request = self.line.request(acd, queue=queue, entered_ms=self.line.now - age)
        self.requests[request.call] = request
        self.places[request.call] = request.entered_ms
        self.run(acd.enqueue(request))

    @rule(data=st.data(), process=st.sampled_from(NAMES), later=st.integers(0, 1_000))
    def caller_enters_again(self, data: st.DataObject, process: str, later: int) -> None:
        if process in self.down or not self.requests:
            return
        call = data.draw(st.sampled_from(sorted(self.requests)))
        acd = self.acds[process]
        request = self.line.request(acd, call=call, entered_ms=self.line.now + later, queue=self.requests[call].queue)
        if call in self.answered:
            self.refused(acd.enqueue(request), AnsweredCall)
        else:
            self.run(acd.enqueue(request))

    @rule(data=st.data(), process=st.sampled_from(NAMES))
    def caller_leaves(self, data: st.DataObject, process: str) -> None:
        if process not in self.down and self.requests:
            call = data.draw(st.sampled_from(sorted(self.requests)))
            self.attempt(self.acds[process].leave(call), StaleReservation, Conflict)

    @rule(agent=st.sampled_from(AGENTS), groups=st.sampled_from([("general",), ("expert",), ("general", "expert")]))
    def agent_signs_in(self, agent: str, groups: tuple[str, ...]) -> None:
        self.attempt(self.any_acd().sign_in(agent, "8" + agent[1:], dict.fromkeys(groups, 1)), Conflict)

    @rule(agent=st.sampled_from(AGENTS), wish=st.sampled_from(WISHES))
    def agent_wishes(self, agent: str, wish: str) -> None:
        acd = self.any_acd()
        wishes = {
            "ready": lambda: acd.set_ready(agent),
            "not_ready": lambda: acd.set_not_ready(agent, "lunch"),
            "sign_out": lambda: acd.sign_out(agent),
            "end_wrap_up": lambda: acd.end_wrap_up(agent),
        }
        self.attempt(wishes[wish](), Conflict)

    @rule(agent=st.sampled_from(AGENTS), reachable=st.sampled_from([True, True, True, False]), in_use=st.booleans())
    def phone_changes(self, agent: str, reachable: bool, in_use: bool) -> None:
        self.run(self.any_acd().device_state("8" + agent[1:], reachable, in_use))

    @rule(agent=st.sampled_from(AGENTS))
    def native_queue_rings(self, agent: str) -> None:
        self.run(self.any_acd().busy_elsewhere("8" + agent[1:]))

    @rule(agents=st.just(AGENTS))
    def everyone_gets_to_work(self, agents: tuple[str, ...]) -> None:
        for agent in agents:
            self.phone_changes(agent, True, False)
            self.agent_signs_in(agent, ("general", "expert"))
            self.agent_wishes(agent, "ready")

    # What supervisors and administrators do ----------------------------------------------------------------------

    @rule(data=st.data(), queue=st.sampled_from(QUEUES))
    def a_call_is_moved(self, data: st.DataObject, queue: str) -> None:
        if self.requests:
            call = data.draw(st.sampled_from(sorted(self.requests)))
            self.attempt(self.any_acd().move(call, queue), Conflict)

    @rule(data=st.data(), agent=st.sampled_from(AGENTS))
    def a_call_is_picked(self, data: st.DataObject, agent: str) -> None:
        if self.requests:
            self.picked = data.draw(st.sampled_from(sorted(self.requests)))
            self.attempt(self.any_acd().pick(self.picked, agent), Conflict)

    @rule(process=st.sampled_from(NAMES), agent=st.sampled_from(AGENTS))
    def an_agent_calls_out(self, process: str, agent: str) -> None:
        if process not in self.down and len(self.requests) <= 30:
            request = self.line.request(self.acds[process], only=agent)
            self.picked = request.call
            try:
                self.run(self.acds[process].call_out(request))
            except Conflict:
                return
            self.requests[request.call] = request
            self.places[request.call] = request.entered_ms

    @rule(data=st.data())
    def a_call_is_released(self, data: st.DataObject) -> None:
        if self.requests:
            self.attempt(self.any_acd().release(data.draw(st.sampled_from(sorted(self.requests)))), Conflict)

    @rule(relax_ms=st.sampled_from([1_000, 4_000, 9_000]), level=st.sampled_from([1, 2, 5]))
    def a_step_is_edited(self, relax_ms: int, level: int) -> None:
        self.version += 1
        edited = rule_of("expert", (0, f"expert:{level}"), (relax_ms, "expert general"), affinity_ms=3_000)
        assert self.run(self.any_acd().configure((RULES[0], edited), self.version))
        stale = rule_of("expert", (0, "expert"))
        assert not self.run(self.any_acd().configure((RULES[0], stale), self.version - 1))

    @rule(agent=st.sampled_from(AGENTS), level=st.sampled_from([1, 2, 5]))
    def levels_change(self, agent: str, level: int) -> None:
        self.attempt(self.any_acd().set_groups(agent, {"general": 1, "expert": level}), Conflict)

    @rule(data=st.data(), state=st.sampled_from(sorted(TALKS)))
    def a_talk_changes(self, data: st.DataObject, state: AgentState) -> None:
        live = self.live()
        if live:
            known = data.draw(st.sampled_from(live))
            self.attempt(self.acds[known.owner].in_talk(known.offer, state), Conflict)

    @rule(process=st.sampled_from(NAMES), agent=st.sampled_from(AGENTS))
    def a_caller_asks_for_an_agent(self, process: str, agent: str) -> None:
        if process not in self.down and len(self.requests) <= 30:
            request = self.line.request(self.acds[process], queue="expert", prefer=agent)
            self.requests[request.call] = request
            self.places[request.call] = request.entered_ms
            self.run(self.acds[process].enqueue(request))

    @rule(back_ms=st.sampled_from([1, 700, 2_500]))
    def the_clock_steps_back(self, back_ms: int) -> None:
        """A host whose clock is corrected. Nothing may come twice or be forgotten for it."""
        self.line.pass_ms(-back_ms)
        for name in self.up():
            self.run(self.acds[name].heartbeat())

    # What owners do with offers --------------------------------------------------------------------------------

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), act=st.sampled_from(ACTS))
    def owner_writes(self, data: st.DataObject, act: str) -> None:
        index = data.draw(st.integers(max(0, len(self.offers) - 6), len(self.offers) - 1))
        known = self.offers[index]
        if known.owner in self.down:
            return
        acd, offer = self.acds[known.owner], known.offer
        outcome = data.draw(st.sampled_from(OUTCOMES))
        write = self.write(acd, act, offer, outcome)
        if not self.is_live(known):
            self.refused(write, StaleReservation)
            return
        renewed = self.attempt(write, Conflict)
        if isinstance(renewed, Offer):
            known.offer = renewed
            if act == "answered":
                self.answered.add(offer.call)

    @rule(data=st.data())
    def an_offer_is_answered(self, data: st.DataObject) -> None:
        if not self.live():
            self.everyone_gets_to_work(AGENTS)
            self.caller_enters(self.up()[0], QUEUES[0], 0)
            self.collect()
        live = self.live()
        if live:
            known = data.draw(st.sampled_from(live))
            known.offer = self.run(self.acds[known.owner].answered(known.offer))
            self.answered.add(known.offer.call)

    @precondition(lambda self: self.answered)
    @rule(data=st.data(), process=st.sampled_from(NAMES))
    def an_answered_caller_enters_again(self, data: st.DataObject, process: str) -> None:
        if process not in self.down:
            call = data.draw(st.sampled_from(sorted(self.answered)))
            request = self.line.request(self.acds[process], call=call)
            self.refused(self.acds[process].enqueue(request), AnsweredCall)

    @rule(data=st.data(), queue=st.sampled_from(QUEUES), later=st.integers(0, 1_000))
    def an_agent_gives_the_citizen_on(self, data: st.DataObject, queue: str, later: int) -> None:
        live = self.live()
        if not live:
            return
        known = data.draw(st.sampled_from(live))
        acd, call = self.acds[known.owner], known.offer.call
        self.run(acd.answered(known.offer))
        self.run(acd.requeue(known.offer, queue))
        self.answered.discard(call)
        if data.draw(st.booleans()):
            self.run(acd.enqueue(self.line.request(acd, call=call, entered_ms=self.line.now + later, queue=queue)))

    @rule(data=st.data(), act=st.sampled_from(ACTS))
    def owner_writes_too_late(self, data: st.DataObject, act: str) -> None:
        """The owner stalls over the deadline, and so does whoever runs the timers."""
        live = self.live()
        if live:
            known = data.draw(st.sampled_from(live))
            view = self.run(self.any_acd().call(known.offer.call))
            self.line.pass_ms(view.deadline_ms - self.line.now)
            write = self.write(self.acds[known.owner], act, known.offer, Outcome.BUSY)
            self.refused(write, StaleReservation)

    @rule(process=st.sampled_from(NAMES))
    def process_dies_with_a_caller_waiting(self, process: str) -> None:
        self.caller_enters(process, QUEUES[0], 5_000)
        self.everything_holds()
        self.process_dies(process)
        self.time_passes_unnoticed(6_000)
        self.everyone_gets_to_work(AGENTS)

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), stranger=st.sampled_from(NAMES), act=st.sampled_from(["ringing", "answered", "finished"]))
    def stranger_writes(self, data: st.DataObject, stranger: str, act: str) -> None:
        known = data.draw(st.sampled_from(self.live() or self.offers))
        if stranger not in self.down and stranger != self.owner_now(known.offer.call):
            self.refused(self.write(self.acds[stranger], act, known.offer, Outcome.BUSY), StaleReservation)

    @staticmethod
    def write(acd: Acd, act: str, offer: Offer, outcome: Outcome) -> Awaitable[Any]:
        match act:
            case "ringing":
                return acd.ringing(offer, 5_000)
            case "answered":
                return acd.answered(offer)
            case "failed":
                return acd.failed(offer, outcome)
            case "gone":
                return acd.failed(offer, Outcome.CALLER_GONE)
            case "finished":
                return acd.finished(offer, 3_000)
            case _:
                return acd.renew(offer, offer.deadline_ms + 2_000)

    # What happens to processes and to Redis --------------------------------------------------------------------

    @rule(process=st.sampled_from(NAMES))
    def process_dies(self, process: str) -> None:
        if len(self.down) < len(NAMES) - 1:
            self.down.add(process)

    @rule(process=st.sampled_from(NAMES), reborn=st.booleans(), asks=st.booleans())
    def process_returns(self, process: str, reborn: bool, asks: bool) -> None:
        """`asks`: a caller of it enters before its first heartbeat, as after a stall."""
        if process not in self.down:
            return
        self.down.discard(process)
        if reborn:
            self.offers = [known for known in self.offers if known.owner != process]
            self.run(self.acds[process].load())
        if asks:
            self.caller_enters(process, "general", 0)
        self.run(self.acds[process].heartbeat())

    @rule(process=st.sampled_from(NAMES))
    def process_adopts(self, process: str) -> None:
        if process not in self.down:
            for view in self.run(self.acds[process].adopt_orphans()):
                assert view.offer is not None
                assert view.owner == process
                self.offers.append(Known(view.offer, process))

    @rule(milliseconds=st.sampled_from([1, 500, 999, 2_000, 4_000, 5_000, 7_000, 30_000]))
    def time_passes(self, milliseconds: int) -> None:
        """In beats of a second at most, as processes keep them."""
        while milliseconds > 0:
            beat = min(milliseconds, 1_000)
            self.line.pass_ms(beat)
            milliseconds -= beat
            for name in self.up():
                self.run(self.acds[name].heartbeat())
            self.run(self.any_acd().run_timers())
            stored = self.run(invariants.Stored.read(self.redis))
            invariants.nothing_is_overdue(stored, self.line.now)
            invariants.no_new_offer_to_a_dead_owner(stored, self.line.now, self.seen)
            self.collect()
        self.fresh.clear()  # of several timers in one beat, a step may open just after an offer was made

    @rule(milliseconds=st.sampled_from([400, 6_000]))
    def time_passes_unnoticed(self, milliseconds: int) -> None:
        """Timers run late: deadlines hold all the same."""
        self.line.pass_ms(milliseconds)
        for name in self.up():
            self.run(self.acds[name].heartbeat())

    @rule(again=st.booleans())
    def redis_is_flushed(self, again: bool) -> None:
        self.collect()
        talks = [k for k in self.live() if self.run(self.any_acd().call(k.offer.call)).state is CallState.TALKING]
        known_calls = self.run(self.any_acd().calls())
        waiting = [v for v in known_calls if v.state is CallState.WAITING and v.owner in self.up()]
        self.run(self.redis.flushall())
        for name in NAMES:
            self.refused(self.acds[name].heartbeat(), EpochChanged)
        straggler = self.down and sorted(self.down)[0]
        for name in self.up():
            self.run(self.acds[name].open_epoch(self.line.new_number()))
        if straggler:
            request = self.line.request(self.acds[straggler])
            self.refused(self.acds[straggler].enqueue(request), EpochChanged)
            self.run(self.acds[straggler].open_epoch(self.line.new_number()))
        for name in sorted(self.down):
            self.run(self.acds[name].open_epoch(self.line.new_number()))
        sent = set()
        for known in talks:
            request = self.requests[known.offer.call]
            request = CallRequest(known.offer.call, self.places[request.call], known.owner, request.queue)
            known.offer = self.run(self.acds[known.owner].resend_talk(request, known.offer))
            sent.add(request.call)
        for view in waiting:
            queue = self.requests[view.call].queue
            request = CallRequest(view.call, view.entered_ms, view.owner, queue, queued_ms=view.queued_ms)
            self.run(self.acds[view.owner].resend_call(request))
            sent.add(view.call)
        # Callers whose owner is gone are the dialplan's: they are new to this epoch.
        self.requests = {call: request for call, request in self.requests.items() if call in sent}
        self.answered &= sent
        if again:
            for agent in AGENTS:
                self.phone_changes(agent, True, False)
                self.attempt(
                    self.any_acd().restore_agent(agent, "8" + agent[1:], {"general": 1}, AgentState.READY), Conflict
                )

    # What must hold --------------------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        if not hasattr(self, "acds"):
            return
        self.collect()
        stored = self.run(invariants.Stored.read(self.redis))
        invariants.check(stored)
        invariants.no_new_offer_to_a_dead_owner(stored, self.line.now, self.seen)
        invariants.callers_of_the_living_are_not_parked(stored, self.line.now)
        for offer in self.fresh:
            if offer.call != self.picked and offer.agent in stored.agents:
                invariants.nobody_is_overtaken(stored, offer)
        self.fresh.clear()
        self.picked = ""
        for call, record in stored.calls.items():
            assert record["place"] == self.places[call], "a place changed"
            assert not (call in self.answered and record["state"] == CallState.WAITING), "an answered call queues"
            assert not (record.get("only") and record["state"] == CallState.WAITING), "a call out queues"
            assert record.get("agent") in (None, record.get("only") or record.get("agent")), "another agent's call out"

    def any_acd(self) -> Acd:
        return self.acds[self.up()[0]]

    def owner_now(self, call: str) -> str | None:
        view = self.run(self.any_acd().call(call))
        return view.owner if view else None

    def live(self) -> list[Known]:
        return [known for known in self.offers if known.owner not in self.down and self.is_live(known)]

    def is_live(self, known: Known) -> bool:
        """By the state itself: reservation, owner, epoch and deadline."""
        view = self.run(self.any_acd().call(known.offer.call))
        return (
            view is not None
            and view.offer is not None
            and view.offer.reservation == known.offer.reservation
            and view.owner == known.owner
            and view.offer.deadline_ms > self.line.now
        )

    def attempt(self, work: Awaitable[Any], *refusals: type[HotlineError]) -> Any:
        try:
            return self.run(work)
        except refusals:
            return None

    def refused(self, work: Awaitable[Any], refusal: type[HotlineError]) -> None:
        before = self.run(self.line.snapshot())
        try:
            self.run(work)
        except refusal:
            assert self.run(self.line.snapshot()) == before, f"{refusal.__name__}, yet something changed"
        else:
            raise AssertionError(f"not refused with {refusal.__name__}")


def _machine(url: str, *guards: str) -> type[Distribution]:
    sources = sources_without(*guards) if guards else None
    return type("Machine", (Distribution,), {"url": url, "sources": sources})


_HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_random_stories_keep_every_rule(redis_url: str) -> None:
    run_state_machine_as_test(
        _machine(redis_url),
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=_HEALTH,
            phases=[Phase.generate],  # shrinking takes minutes; a failing story is short enough
            database=None,
        ),
    )


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


_STALE_TAKEN = "StaleReservation|^(RESERVED|RINGING|TALKING|WAITING|ENDED)$|attempt to compare nil|no call move"
"""A stale write went through, or got as far as the question whether it fits the call's state."""


@pytest.mark.parametrize(
    ("guard", "noticed_as"),
    [
        ("epoch", "EpochChanged"),
        ("deadline", _STALE_TAKEN),
        ("reservation", _STALE_TAKEN),
        ("answered", "AnsweredCall|no call move TALKING>WAITING"),
        ("owner", _STALE_TAKEN),
        ("lease", "dead process"),
        ("back", "is parked, and its process lives"),
        ("only", "a call out queues|another agent's call out"),
    ],
)
def test_a_missing_protection_is_noticed(redis_url: str, guard: str, noticed_as: str) -> None:
    mutant = settings(
        max_examples=150,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=_HEALTH,
    )
    with pytest.raises((AssertionError, HotlineError, ResponseError)) as seen:
        run_state_machine_as_test(_machine(redis_url, guard), settings=mutant)
    assert re.search(noticed_as, str(seen.value)), seen.value


def test_the_tables_name_every_state() -> None:
    assert set(AGENT_MOVES) == set(AgentState)
    assert set(CALL_MOVES) == set(CallState)
    assert set(site_keys(SITE)) == {f"{{{SITE}}}:acd:{k.rsplit(':', 1)[1]}" for k in site_keys(SITE)}
