"""Item 3: two things happen in one breath. Each time one of the outcomes that are laid down here comes of it, the
citizen is not left in silence, and everybody is free again without a hand being moved."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from calls.story import CallStory
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import AGENT_TONE, CITIZEN_TONE, TALK_SECONDS, Floor, no_channels, open_floor, take_briefly
from tests.accept.acd.heard import Listener
from tests.accept.line import Line, eventually
from tests.accept.people import Citizen, Desk, citizen
from tests.accept.scenario import Scale

_LONGEST_SILENCE = 2.5
"""Seconds: more than a pause in a prompt and the change from music to it, less than what makes a citizen ask."""
_DROPPED_SECONDS = 0.4
"""What a phone surely keeps too short for a talk: the ACD's half second, less the way of the messages."""
_LONGEST_REST_SECONDS = 65.0
"""A phone that fails again and again rests twice as long each time, up to a minute."""
_RINGS_SECONDS = (0.2, 0.6)
_PAUSE = "小休"


async def _at(moment: float, step: Callable[[], Awaitable[Any]]) -> Any:
    """Take a step at a time of the loop's clock, to the millisecond."""
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))
    return await step()


async def _together(offset_ms: int, answers: Callable[[], Awaitable[Any]], other: Callable[[], Awaitable[Any]]) -> None:
    """`other` comes `offset_ms` after (or before) `answers`."""
    now = asyncio.get_running_loop().time() + 0.1
    await asyncio.gather(_at(now, answers), _at(now + offset_ms / 1000, other))


@dataclass
class Moment:
    """One citizen, and what happens when the first phone rings for them. Later phones take the call briefly."""

    offset_ms: int
    who: Citizen
    call: PhoneCall
    listener: Listener
    rang: list[tuple[Desk, PhoneCall]] = field(default_factory=list)
    failed: BaseException | None = None
    answers: ClassVar[int] = 1
    """How often the citizen is answered, or 1 for a call that is abandoned."""

    async def at_seat(self, seat: Desk, call: PhoneCall) -> None:
        """What the phones do. A failure is kept: a phone has nobody to tell it to."""
        self.rang.append((seat, call))
        if len(self.rang) > 1:
            return await take_briefly(seat, call)
        await call.ring()
        call.audio.play(tone(AGENT_TONE, 1.0))
        await asyncio.sleep(random.uniform(*_RINGS_SECONDS))
        try:
            await self.happens(seat, call)
        except Exception as error:  # noqa: BLE001 - judged in `outcome`
            self.failed = error

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        """The moment itself."""
        raise NotImplementedError

    def outcome(self, told: CallStory) -> str:
        """Which of the defined outcomes it was; fails for any other."""
        raise NotImplementedError

    async def judge(self, line: Line) -> str:
        """Wait for the end of the citizen's call, and say how it went."""

        async def ended() -> bool:
            return self.failed is not None or self.call.ended.is_set()

        try:
            await eventually(ended, "the citizen's call is over", seconds=40)
        except AssertionError as error:
            told = await line.story_of(await line.call_id_of(self.who.e164))
            raise AssertionError(f"{self}: {error}; {[event.kind for event in told.events]}") from None
        await self.listener.stop()
        if self.failed is not None:
            raise AssertionError(f"{self}: {self.failed}") from self.failed
        call_id = await line.call_id_of(self.who.e164)

        async def over() -> CallStory | None:
            told = await line.story_of(call_id)
            return told if told.summary.outcome and _offers_closed(told) else None

        told: CallStory = await eventually(over, f"{call_id} is over in the journal", seconds=15)
        kinds = Counter(event.kind for event in told.events)
        for once in ("entered", "queued"):
            assert kinds[once] == 1, f"{self}: {dict(kinds)}"
        assert kinds["answered"] + kinds["abandoned"] == self.answers, f"{self}: both or neither, {dict(kinds)}"
        assert kinds["wrap_up"] == kinds["answered"], f"{self}: {dict(kinds)}"
        assert kinds["ended"] + kinds["abandoned"] == 1, f"{self}: {dict(kinds)}"
        assert kinds["reserved"] == len(self.rang), f"{self}: {kinds['reserved']} offers, {len(self.rang)} phones rang"
        silent = self.listener.longest_silence()
        assert silent <= _LONGEST_SILENCE, f"{self}: the citizen heard nothing for {silent:.1f} s"
        return self.outcome(told)

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.offset_ms:+d} ms"


def _offers_closed(told: CallStory) -> bool:
    kinds = Counter(event.kind for event in told.events)
    return kinds["reserved"] == kinds["offer_failed"] + kinds["wrap_up"]


def _failures(told: CallStory) -> list[str]:
    return [str(event.attributes["outcome"]) for event in told.events if event.kind == "offer_failed"]


class CallerLeaves(Moment):
    """挂机: the citizen hangs up around the agent's 200 OK. Abandoned, or a talk that the citizen ended."""

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await _together(self.offset_ms, call.answer, self.call.hang_up)

    def outcome(self, told: CallStory) -> str:
        if told.summary.outcome == "abandoned":
            assert _failures(told) == ["CALLER_GONE"], f"{self}: {_failures(told)}"
            return "abandoned"
        assert (told.summary.outcome, _failures(told)) == ("answered", []), f"{self}: {told.summary.outcome}"
        ended = next(event for event in told.events if event.kind == "ended")
        assert ended.attributes["ended_by"] == "caller", f"{self}: ended by {ended.attributes['ended_by']}"
        return "answered, ended by the caller"


class AgentDrops(Moment):
    """The agent's phone answers and hangs up at once: nobody was served, the place is kept, another phone rings."""

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await call.answer()
        await call.acknowledged.wait()
        await asyncio.sleep(abs(self.offset_ms) / 1000)
        await call.hang_up()

    def outcome(self, told: CallStory) -> str:
        _, at_seat = self.rang[0]
        kept = at_seat.log["ended"] - at_seat.log["answered"]
        if kept > _DROPPED_SECONDS and not _failures(told):
            # On a machine that is held up the phone is no quicker than that: then it was a talk, rightly.
            assert told.summary.outcome == "answered", f"{self}: {told.summary.outcome}"
            return f"a talk of {kept * 1000:.0f} ms"
        assert (told.summary.outcome, _failures(told)) == ("answered", ["FAILED"]), f"{self}: {_failures(told)}"
        assert len(self.rang) == 2, f"{self}: {len(self.rang)} phones rang"
        return "offered to the next"


class PauseClicked(Moment):
    """示忙 while the phone rings, around the answer: the call is not taken away; pending, and after it the pause."""

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await _together(self.offset_ms, call.answer, seat.not_ready)
        await _pending(seat, "NOT_READY")
        await asyncio.sleep(TALK_SECONDS)
        await call.hang_up()
        await _paused_then_back(seat)

    def outcome(self, told: CallStory) -> str:
        assert (told.summary.outcome, _failures(told)) == ("answered", []), f"{self}: {_failures(told)}"
        return "talk, then the pause"


class PauseAndNoAnswer(Moment):
    """示忙 while the phone rings, and nobody answers: the citizen goes to another agent, the pause begins."""

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await seat.not_ready()
        await _pending(seat, "NOT_READY")
        await asyncio.wait_for(call.ended.wait(), 15)
        await _paused_then_back(seat)

    def outcome(self, told: CallStory) -> str:
        assert (told.summary.outcome, _failures(told)) == ("answered", ["NO_ANSWER"]), f"{self}: {_failures(told)}"
        assert told.summary.agent == self.rang[1][0].agent, f"{self}: the agent on pause has the talk"
        return "offered to the next"


class AskedInCall(Moment):
    """A state asked for in a talk is shown as pending, may be taken back and asked for again, and comes after it."""

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await call.answer()
        await seat.until_state("TALKING")
        await seat.post("/api/agents/me/sign-out")
        await _pending(seat, "SIGNED_OUT")
        await seat.ready()
        await _pending(seat, None)
        await seat.not_ready()
        await _pending(seat, "NOT_READY")
        assert await seat.state() == "TALKING", f"{self}: the state took effect in the call"
        await call.hang_up()
        await _paused_then_back(seat)

    def outcome(self, told: CallStory) -> str:
        assert (told.summary.outcome, _failures(told)) == ("answered", []), f"{self}: {_failures(told)}"
        return "talk, then the pause"


class UnregistersRinging(Moment):
    """The phone unregisters while it rings: the citizen goes to another agent at once; READY when it is back."""

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await seat.phone.register(expires=0)

        async def taken_away() -> bool:
            return call.ended.is_set()

        await eventually(taken_away, "a phone that unregistered is not rung any more", seconds=5)
        await seat.until_state("UNREACHABLE")
        await seat.phone.register()

    def outcome(self, told: CallStory) -> str:
        assert (told.summary.outcome, _failures(told)) == ("answered", ["AGENT_WITHDRAWN"]), (
            f"{self}: {_failures(told)}"
        )
        return "offered to the next"


class UnregistersTalking(Moment):
    """The phone unregisters in a talk: the talk goes on. A leg that ends then is a phone that was lost: the agent is
    UNREACHABLE, READY when the phone is back, and rung for the same citizen again."""

    answers = 2

    async def happens(self, seat: Desk, call: PhoneCall) -> None:
        await call.answer()
        await seat.until_state("TALKING")
        await seat.phone.register(expires=0)
        await asyncio.sleep(TALK_SECONDS)
        assert not call.ended.is_set(), f"{self}: the talk was cut"
        assert await seat.state() == "TALKING", f"{self}: {await seat.state()}"
        await call.hang_up()
        await seat.until_state("UNREACHABLE")
        await seat.phone.register()

    def outcome(self, told: CallStory) -> str:
        assert (told.summary.outcome, _failures(told)) == ("answered", []), f"{self}: {_failures(told)}"
        return "rung again when it was back"


async def _pending(seat: Desk, wanted: str | None) -> None:
    """The agent is told what will come after the call, on asking and on the screen."""

    async def shown() -> bool:
        states = [frame for frame in seat.frames if frame.kind == "agent_state"]
        return bool(states) and (states[-1].body["pending"] or None) == wanted

    await eventually(shown, f"the screen of {seat.agent} shows {wanted} as pending")
    view = (await seat.http.get("/api/agents/me")).json()
    assert view["pending"] == wanted, f"{seat.agent}: {view['pending']} is pending, not {wanted}"


async def _paused_then_back(seat: Desk) -> None:
    """The pause comes, with its reason; the agent ends it."""
    await seat.until_state("NOT_READY")
    view = (await seat.http.get("/api/agents/me")).json()
    assert (view["reason"], view["pending"]) == (_PAUSE, None), view
    await seat.ready()


_AROUND_AN_ANSWER: Sequence[type[Moment]] = (CallerLeaves, CallerLeaves, AgentDrops, PauseClicked)
"""Those where milliseconds matter; hanging up twice as often, for it has the most ways to go wrong."""
_OTHERS: Sequence[type[Moment]] = (PauseAndNoAnswer, AskedInCall, UnregistersRinging, UnregistersTalking)


async def play(line: Line, floor: Floor, cast: Sequence[tuple[type[Moment], int]]) -> list[str]:
    """As many citizens as there are moments call, and each happens once; afterwards every seat is free, by itself."""
    moments = []
    for kind, offset_ms in cast:
        who = await citizen(line)
        call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
        moment = kind(offset_ms, who, call, Listener(call))
        floor.plans[who.number] = moment.at_seat
        moments.append(moment)
    seen = [f"{kind.__name__}: {await moment.judge(line)}" for (kind, _), moment in zip(cast, moments, strict=True)]
    await floor.all_free(seconds=_LONGEST_REST_SECONDS)
    await no_channels(line)
    for moment in moments:
        await moment.who.phone.close()
    return seen


async def _away_while_ready(seat: Desk) -> None:
    """The phone of an agent who waits for calls goes, and returns."""
    await seat.phone.register(expires=0)
    await seat.until_state("UNREACHABLE")
    await seat.phone.register()
    await seat.until_state("READY")


async def in_one_breath(line: Line, scale: Scale) -> str:
    """Item 3."""
    seats = 12
    floor = await open_floor(line, seats)
    rounds = scale(20, 1)
    seen: Counter[str] = Counter()
    for number in range(rounds):
        # Over all rounds every offset from -50 to +50 ms comes about, in steps of 2 in the long form.
        offsets = [-50 + (100 * (number + rounds * i)) // (rounds * 8 - 1) for i in range(8)]
        near = [(kind, offset) for offset, kind in zip(offsets, [*_AROUND_AN_ANSWER] * 2, strict=True)]
        random.shuffle(near)
        seen.update(await play(line, floor, [*near, *((kind, 0) for kind in _OTHERS)]))
        await _away_while_ready(floor.seats[number % seats])
    await floor.each_takes_one()
    await floor.all_free()
    return "; ".join(f"{what} {count}x" for what, count in sorted(seen.items()))
