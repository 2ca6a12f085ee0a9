"""Item 3: for random flows and random keys the simulator's path is the path on real Asterisk.

The simulator plays a caller first. The same keys are then pressed on a real telephone, each as long after the node left
before it as in the simulation: a machine that is busy delays a prompt, and is not to change who answers what.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from calls.handover_keys import FILE as KEYS_FILE
from calls.handover_keys import PartnerKeys
from calls.menu.works import ON_CHANNEL
from calls.web_request import key_name
from directory.demo import TRUNKS
from hotline.clock import SystemClock
from hotline.workdays import Exceptional, Workdays
from ivr.events import (
    Action,
    AskSatisfaction,
    CallFacts,
    CallWeb,
    DialEmergency,
    DialTarget,
    LookAtQueue,
    LookUpKnowledge,
    LookUpProgress,
    PromiseCallback,
    TakeMessage,
    Visited,
    Work,
)
from ivr.flow import DayKind, Flow
from ivr.interpreter import Run
from ivr.interpreter_machine import Place
from ivr.simulator import Answer, Caller, End, Player, Simulation
from media.store import PromptStore
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import citizen_in
from tests.accept.first_call.basics import CITIZEN_TONE
from tests.accept.ivr import keys
from tests.accept.ivr.editors import Document, Editor, editor
from tests.accept.ivr.generated_flows import document_of, have_world
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.ivr.ways import Way, way_of, way_until
from tests.accept.line import Line, eventually
from tests.accept.people import Citizen, branch, citizen
from tests.accept.scenario import Scale
from tests.calls.unit_system import Asked, UnitSystem, Write, answer
from tests.ivr.generated import SUB_FLOWS, valid
from tests.ivr.planted import URL

_LINES = ("12345", "12333", "12301", "12305", "12315")
"""Each has the flow of one caller at a time. Fewer of them wait at once than the generator's flows ask for."""
_ATTEMPTS = 12
"""Callers that are simulated for a flow; the one who comes furthest is taken to the line."""
_LONGEST_SECONDS, _SHORT_SECONDS = 40.0, 20.0
_IN_ONE_GO_SECONDS, _LATER_SECONDS = 0.5, 0.2
"""Keys so soon after each other are one answer; between the end of a time and a key there is a moment on the line."""
_FOUND = "12"
"""What the unit's system answers."""
_BEGIN_MESSAGE = "wait.message.begin"
_SPEAKS_SECONDS = 2.5
_TALK_SECONDS = 1.0


class _City:
    """The city's days as they are today; the generated hours are those of queues that are always open."""

    def __init__(self) -> None:
        self._zone = ZoneInfo("Asia/Shanghai")
        self._workdays = Workdays()

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)

    def day(self, at: datetime) -> DayKind:
        day = self.local(at).date()
        exceptional = self._workdays.exceptional(day.year).get(day)
        if exceptional is Exceptional.HOLIDAY:
            return DayKind.HOLIDAY
        return DayKind.WORKDAY if exceptional or day.isoweekday() <= 5 else DayKind.WEEKEND

    def is_open(self, of: str, at: datetime) -> bool:
        return True


@dataclass
class _World:
    """The line's world as this caller meets it. `good`: everybody elsewhere takes the call, and systems answer."""

    good: bool
    asked: list[Work] = field(default_factory=list)

    def answer(self, place: Place, work: Work) -> Answer:
        self.asked.append(work)
        match work:
            case LookAtQueue():
                return Answer({"waiting": "0", "ready": "0"})
            case LookUpKnowledge():
                return Answer({"text": "您好"})
            case LookUpProgress():
                return Answer(None, 0.3)
            case CallWeb(node):
                return Answer(dict.fromkeys(node.save, _FOUND) if self.good else None)
            case DialTarget(target):
                return Answer({} if self.good or target.startswith("queue:") else None)
            case DialEmergency():
                return Answer({} if self.good else None)
            case AskSatisfaction():
                return Answer({"answered": "no"}, 1.0)
            case PromiseCallback() | TakeMessage():
                return Answer({}, 1.0)


@dataclass(frozen=True)
class _Press:
    """A key, so many seconds after the last of the nodes that were left before it; of none: after the menu began."""

    key: str
    after_nodes: int
    seconds: float


class _Noting(Player):
    """A player that notes when keys are pressed. `muddled`: one of them while somebody else had the channel, who hears
    it in place of the menu."""

    def __init__(self, run: Run, at: datetime, caller: Caller, world: _World, sounds: Sounds) -> None:
        super().__init__(run, at, caller, world, sounds.seconds_of)
        self.presses: list[_Press] = []
        self.muddled = False
        self._left_at: list[float] = []

    def _act(self, action: Action) -> None:
        if isinstance(action, Visited):
            self._left_at.append(self._clock)
        super()._act(action)

    def _tell(self, what: str, text: str) -> None:
        if what == "key":
            since = self._left_at[-1] if self._left_at else 0.0
            self.presses.append(_Press(text, len(self._left_at), self._clock - since))
            if "work" in self._due and self._working is not None and isinstance(self._working[1], ON_CHANNEL):
                self.muddled = True
        super()._tell(what, text)


@dataclass(frozen=True)
class Plan:
    """A caller, and what the simulator says becomes of them."""

    number: int
    document: Document
    line: str
    good: bool
    played: Simulation
    presses: Sequence[_Press]
    asked: Sequence[Work]

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        return [(one.flow, one.node, one.branch) for one in self.played.path]


def planned(number: int, line: str, sounds: Sounds, url: str) -> Plan:
    """The flow of this number, and of some random callers the one who comes furthest in it."""
    chance = Random(f"same path {number}")
    good = chance.random() < 0.5
    document: Document = json.loads(
        json.dumps(document_of(valid(number)), ensure_ascii=False).replace(URL, f"{url}/{'good' if good else 'bad'}")
    )
    tried = [_simulated(number, document, line, _caller(chance), good=good, sounds=sounds) for _ in range(_ATTEMPTS)]
    fit = [one for one in tried if one is not None and one.played.seconds <= _LONGEST_SECONDS]
    assert fit, f"none of {_ATTEMPTS} callers comes to an end in flow {number}"
    return max(fit, key=lambda one: len(one.played.path))


def _caller(chance: Random) -> Caller:
    groups = []
    for _ in range(chance.randint(1, 6)):
        kind = chance.random()
        if kind < 0.15:
            groups.append("")
        elif kind < 0.65:
            groups.append(chance.choice("123456789"))
        elif kind < 0.92:
            digits = "".join(chance.choice("0123456789") for _ in range(chance.randint(1, 8)))
            groups.append(digits + chance.choice(["", "#"]))
        else:
            groups.append(chance.choice(["0", "*", "#"]))
    ahead = "".join(chance.choice("123456789") for _ in range(chance.choice([0, 0, 0, 1, 2])))
    return Caller(tuple(groups), ahead, patient=chance.random() < 0.7)


def _simulated(
    number: int, document: Document, line: str, caller: Caller, *, good: bool, sounds: Sounds
) -> Plan | None:
    """None for a caller who presses keys that somebody else hears."""
    flow = Flow.model_validate(document)
    world = _World(good)
    run = Run({**SUB_FLOWS, flow.flow: flow}, flow.flow, CallFacts(line, line, frozenset(), flow.language), _City())
    player = _Noting(run, SystemClock().now(), caller, world, sounds)
    played = player.play()
    if player.muddled:
        return None
    return Plan(number, document, line, good, played, player.presses, world.asked)


def _varied(plans: Sequence[Plan], count: int) -> list[Plan]:
    """So many of them, not too long, that go different ways: by kinds of nodes and of branches, and by their ends."""
    chosen: list[Plan] = []
    seen: set[tuple[str, str]] = set()
    for _ in range(count):
        fresh = {
            plan.number: {(node.split("_")[0], branch) for _, node, branch in plan.steps} | {("", plan.played.end.at)}
            for plan in plans
            if plan not in chosen and plan.played.seconds <= _SHORT_SECONDS and (plan.line not in _lines_of(chosen))
        }
        number = max(fresh, key=lambda one: len(fresh[one] - seen))
        chosen.append(next(plan for plan in plans if plan.number == number))
        seen |= fresh[number]
    return chosen


def _lines_of(plans: Sequence[Plan]) -> set[str]:
    """Lines that have had their turn, of those whose turn it is."""
    return {plan.line for plan in plans[len(plans) - len(plans) % len(_LINES) :]}


class _Elsewhere:
    """Branch centres and emergency desks: by a caller's number they take the call, or are busy."""

    def __init__(self) -> None:
        self._good: set[str] = set()

    def takes(self, who: Citizen) -> None:
        self._good.add(who.number)

    async def __call__(self, call: PhoneCall) -> None:
        if citizen_in(call) not in self._good:
            await call.refuse(486, "Busy Here")
            return
        await call.ring()
        await call.answer()
        await asyncio.sleep(_TALK_SECONDS)
        await call.hang_up()


async def _unit(asked: Asked, write: Write) -> None:
    """What the unit's system says."""
    if asked.target.startswith("/good"):
        await write(answer(json.dumps({"data": {"number": int(_FOUND)}}).encode()))
    else:
        await write(answer(b"{}", status="500 Internal Server Error"))


async def _play(line: Line, admin: Editor, elsewhere: _Elsewhere, plan: Plan) -> int:
    """The same caller on the line; returns the nodes of the path. Fails where it is another one."""
    flow = plan.document["flow"]
    version = await admin.release(plan.document)
    await admin.ask("PUT", f"/menus/lines/{plan.line}", json={"flow": flow})
    await asyncio.sleep(1.0)  # every process has it
    who = await citizen(line)
    if plan.good:
        elsewhere.takes(who)
    call = await who.dial(plan.line, sound=tone(CITIZEN_TONE, 1.0))
    speaking = asyncio.create_task(_speak(line, who, call, plan))
    try:
        await _press_all(line, who, call, plan)
        way = await way_until(line, who.e164, "menu_left", seconds=90)
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
    await call.hang_up()
    assert way.steps == plan.steps, f"flow {plan.number}: {_difference(plan.steps, way.steps)}"
    assert {left.version for left in way.nodes if left.flow == flow} <= {version}, f"flow {plan.number}: versions"
    _same_end(plan, way)
    return len(way.steps)


async def _press_all(line: Line, who: Citizen, call: PhoneCall, plan: Plan) -> None:
    """Each key as long after the node that was left before it, or after the key before it in the same node, as the
    simulator's caller pressed it; a little later where that caller presses in the instant of the question."""
    before: _Press | None = None
    pressed_at = datetime.now(UTC)
    for press in plan.presses:
        if before is None or before.after_nodes != press.after_nodes:
            since = await _time_of(line, who, press.after_nodes)
            if since is None:
                return  # the menu is over, and the comparison says why
            wait, in_one_go = press.seconds, False
        else:
            since, wait = pressed_at, press.seconds - before.seconds
            in_one_go = wait < _IN_ONE_GO_SECONDS
        due = since + timedelta(seconds=wait + (0.0 if in_one_go else _LATER_SECONDS))
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        before, pressed_at = press, datetime.now(UTC)
        await keys.event(call, press.key)


async def _time_of(line: Line, who: Citizen, nodes: int) -> datetime | None:
    """When so many nodes were left, or the menu was entered; None if it ended before."""

    async def look() -> tuple[datetime | None] | None:
        way = await way_of(line, who.e164)
        if nodes and len(way.nodes) >= nodes:
            return (way.nodes[nodes - 1].at,)
        if not nodes and way.entered is not None:
            return (way.entered.at,)
        return (None,) if way.over is not None else None

    (found,) = await eventually(look, f"{nodes} nodes are left", seconds=90)
    at: datetime | None = found
    return at


async def _speak(line: Line, who: Citizen, call: PhoneCall, plan: Plan) -> None:
    """Who leaves a message says when it is over."""
    if not any(isinstance(work, TakeMessage) for work in plan.asked):
        return
    # All other nodes are left by then.
    await _time_of(line, who, len(plan.steps) - 1)
    await asyncio.sleep(PromptStore().duration_ms(_BEGIN_MESSAGE) / 1_000 + _SPEAKS_SECONDS)
    await keys.event(call, "#")


def _difference(simulated: Sequence[Any], real: Sequence[Any]) -> str:
    """Where the two paths part."""
    for number, (one, other) in enumerate(itertools.zip_longest(simulated, real)):
        if one != other:
            return f"step {number + 1} is {other} on the line and {one} in the simulator (after {real[:number]})"
    return "no difference"


def _same_end(plan: Plan, way: Way) -> None:
    """How the menu ended, as the journal has it."""
    over = way.over
    assert over is not None
    told = (over["end"], over["why"] or "", over.get("queue"), over.get("outcome"))
    expected = _end(plan.played.end)
    assert told == expected, f"flow {plan.number}: the line says {told}, the simulator {expected}"


def _end(end: End) -> tuple[str, str, str | None, str | None]:
    match end.at:
        case "queue" | "human":
            return "human", end.why, end.of, None
        case "transfer" if (end.of or "").startswith("queue:"):
            return "human", "queue", (end.of or "").removeprefix("queue:"), None
        case "transfer" | "emergency":
            return "talked", "", None, None
        case "return":
            return "back", "", None, end.of
        case _:
            return "over", "", None, None


async def _nobody_is_called_back(admin: Editor) -> None:
    """What was promised in this item is not kept in the next one."""
    for promise in await admin.ask("GET", "/callbacks", params={"kind": "queued"}):
        await admin.try_to("POST", f"/callbacks/{promise['id']}/cancel")


async def same_path(line: Line, scale: Scale) -> str:
    """Item 3."""
    admin = await editor(line)
    sounds = await have_world(line, admin)
    await short_greetings(line)
    elsewhere = _Elsewhere()
    for trunk in TRUNKS.values():
        await branch(line, trunk, elsewhere)
    line.cleanup.append(lambda: _nobody_is_called_back(admin))
    ends: Counter[str] = Counter()
    lengths: list[int] = []
    different: list[str] = []
    async with UnitSystem() as unit:
        unit.serve = _unit
        PartnerKeys(line.settings.var_dir / KEYS_FILE).change(key_name("127.0.0.1"))
        everybody = [
            planned(number, number_dialled, sounds, unit.url.removesuffix("/query"))
            for number, number_dialled in zip(range(1_000, 1_100), itertools.cycle(_LINES), strict=False)
        ]
        chosen = everybody if scale.full else _varied(everybody, 6)

        async def take_turns(number_dialled: str) -> None:
            for plan in chosen:
                if plan.line != number_dialled:
                    continue
                try:
                    lengths.append(await _play(line, admin, elsewhere, plan))
                except AssertionError as error:
                    different.append(str(error))
                ends[plan.played.end.at] += 1

        try:
            async with asyncio.TaskGroup() as group:
                for number_dialled in _LINES:
                    group.create_task(take_turns(number_dialled))
        finally:
            for number_dialled in _LINES:
                await admin.try_to("PUT", f"/menus/lines/{number_dialled}", json={"flow": None})
    assert not different, f"{len(different)} of {len(chosen)} paths differ: {'; '.join(different)}"
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    return f"{len(lengths)} calls of {min(lengths)} to {max(lengths)} nodes, the same on both: {told}"
