"""The line's own rules: no menu comes between a citizen and a human.

Three callers are followed over every path, sub-flows walked into. None of them can be stopped by what they cannot
choose: tests, failures and their own silence.

- Who wants a human presses `0` again and again, from the first second on, or `*` where digits are collected. A key
  ends what is said, except what must be heard, and waits for the next node that asks. So it takes one key wherever the
  next that asks is a menu, and two where it is a collection, for there the `0` was a digit; an answer that is read
  aloud on the way is ended by one more.
- Who presses nothing, or only what is not understood, is led on by `on_timeout` and `on_wrong`.
- Who listens to everything hears each prompt to its end.

A human is a queue, an emergency desk, or, where the flow comes back to an agent, a `return`. A transfer is one only
when it is taken: the path goes on after its failure. What a citizen chose by key is theirs to choose: a good-bye, a
message or a callback after an option is no fault, since a human was one key away when they chose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ivr.flow import AnyNode, ByQueue, Collect, Condition, Knowledge, Menu, Progress, Prompt, Say, Transfer, Web
from ivr.nodes import TYPE_NAMES, Asking, AtAnEnd, Kind
from ivr.speech import BadText, Fixed, parts, spoken
from ivr.validation.finding import Remark
from ivr.validation.graph import longest, loops, reach
from ivr.validation.subject import Paths, Place, Subject

WITHIN_SECONDS: Final = 15.0
"""GB/T 33358-2016 asks that a call is answered within 15 s."""
SILENT_SECONDS: Final = 60.0
"""How long somebody who cannot press keys (a dial phone, a shock) may be kept by menus. Ours: no source names one."""
VARIABLE_SECONDS: Final = 4.0
"""What a variable's words or digits take: about a telephone number, spoken digit by digit."""
LOOK_UP_SECONDS: Final = 3.0
"""How long a look-up of a queue, a ticket or an entry may take before it has failed."""
ANSWER_SECONDS: Final = 10.0
"""How long an answer that is read aloud (a ticket's state, an entry) is taken to be."""
RING_SECONDS: Final = 20.0
"""How long a transfer rings by default before it has failed."""


def no_way_to_a_human(subject: Subject) -> Iterator[Remark]:
    """A path on which the call ends although the citizen was asked nothing on it: who does not know that `0` reaches a
    human is sent away unheard, and where it ends with a message or a callback, who knows it too.

    The paths begin where nothing was chosen: at the entry, and at every failure of what the world was asked for. They
    end at the first menu or collection, at a human, or at an end without one; there it is reported.
    """
    paths = subject.paths
    starts = [*paths.starts, *_after(paths, {Kind.FAILURE})]
    for place in _ends_without_a_human(paths, starts):
        yield Remark(
            place.here,
            "",
            f"有一条路径没有经过任何菜单就到了“{_name(paths, place)}”，群众在这条路径上无法转人工",
            "让这条路径通向转人工队列，或在此之前先经过菜单（0 键转人工）",
        )


def silence_without_a_human(subject: Subject) -> Iterator[Remark]:
    """Silence or wrong keys at a menu or a collection lead to an end without a human, with nothing asked in between.
    Reported at the menu's branch."""
    paths = subject.paths
    told = set()
    for place, node in paths.nodes.items():
        if not isinstance(node, Asking):
            continue
        for step in paths.steps[place]:
            if step.way.kind not in (Kind.SILENCE, Kind.WRONG) or step.to is None:
                continue
            for end in _ends_without_a_human(paths, [step.to]):
                field = step.way.field if not place.by else "flow"
                if (place.here, field) in told:
                    continue
                told.add((place.here, field))
                yield Remark(
                    place.here,
                    field,
                    f"{_CALLERS[step.way.kind]}的群众最后到“{_name(paths, end)}”，没有接到人工",
                    "把这条去向改为转人工队列",
                )


def silence_without_an_end(subject: Subject) -> Iterator[Remark]:
    """Silence and wrong keys lead round in a circle, so that who cannot press the right keys never comes to a human.
    Reported at each menu or collection of the circle."""
    paths = subject.paths
    told = set()
    for group in loops(paths.nodes, lambda place: _fruitless(paths, place)):
        for place in sorted(group):
            if isinstance(paths.nodes[place], Asking) and place.here not in told:
                told.add(place.here)
                field = _circling(paths, place, set(group)) if not place.by else "flow"
                yield Remark(
                    place.here,
                    field,
                    "不按键或总按错的群众会在菜单之间转来转去，永远接不到人工",
                    "把超时和按错的去向改为转人工队列；重复播放请用菜单的次数",
                )


def kept_from_a_human(subject: Subject) -> Iterator[Remark]:
    """The longest time in which no key reaches a human, from the entry or from whatever left a node that asks, to the
    next one that asks or to a human. What counts: prompts that must be heard, in full; requests and look-ups, for as
    long as they may take. What does not: prompts that a key ends. At most 15 s; reported at the longest part of it.
    """
    paths = subject.paths
    asked = [step.to for place, node in paths.nodes.items() if isinstance(node, Asking) for step in paths.steps[place]]
    starts = [*paths.starts, *(to for to in asked if to is not None), *_after(paths, {Kind.FAILURE})]
    found = longest(starts, lambda place: _unasked(paths, place), lambda place: _blocked(subject, paths.nodes[place]))
    worst: dict[str, float] = {}
    for start in starts:
        seconds, way = found[start]
        if seconds > WITHIN_SECONDS:
            at = max(way, key=lambda place: _blocked(subject, paths.nodes[place])).here
            worst[at] = max(worst.get(at, 0.0), seconds)
    for key, seconds in sorted(worst.items()):
        yield Remark(
            key,
            "",
            f"群众在这里一带最长 {seconds:.0f} 秒按键也转不了人工，超过 {WITHIN_SECONDS:.0f} 秒",
            "缩短必须听完的提示音，或允许按键打断；缩短外部接口的时限",
        )


def long_before_asked(subject: Subject) -> Iterator[Remark]:
    """Who listens to everything hears more than 15 s before the first question, a transfer or a human: `0` would have
    spared them that, but nobody has told them yet. Reported at the longest prompt of the way."""
    paths = subject.paths

    def heard(place: Place) -> float:
        return 0.0 if isinstance(paths.nodes[place], Asking | Transfer) else _heard(subject, place)

    found = longest(paths.starts, lambda place: _unasked(paths, place), heard)
    for start in paths.starts:
        seconds, way = found[start]
        if seconds > WITHIN_SECONDS:
            at = max(way, key=heard)
            yield Remark(
                at.here,
                "",
                f"从接通到第一次提问或转人工要听 {seconds:.0f} 秒，超过 {WITHIN_SECONDS:.0f} 秒",
                "缩短开头的提示音，并尽早告诉群众按 0 转人工",
            )


def long_silence(subject: Subject) -> Iterator[Remark]:
    """Somebody who presses nothing from the beginning reaches a human only after more than a minute: every prompt in
    full, every menu as often as it is said, every wait. Reported at the entry."""
    paths = subject.paths
    if loops(paths.nodes, lambda place: _silent(paths, place)):
        return  # never, which is an error of its own
    found = longest(paths.starts, lambda place: _silent(paths, place), lambda place: _heard(subject, place))
    for start in paths.starts:
        seconds, _ = found[start]
        if seconds > SILENT_SECONDS:
            yield Remark(
                start.here,
                "",
                f"一直不按键的群众最长要 {seconds:.0f} 秒才接到人工，超过 {SILENT_SECONDS:.0f} 秒",
                "减少菜单的次数和等待秒数，缩短提示音，让超时直接转人工",
            )


_CALLERS: Final = {Kind.SILENCE: "不按键", Kind.WRONG: "按错键"}


def _name(paths: Paths, place: Place) -> str:
    return f"{place}（{TYPE_NAMES[paths.nodes[place].type]}）"


def _after(paths: Paths, kinds: set[Kind]) -> list[Place]:
    return [
        step.to for steps in paths.steps.values() for step in steps if step.way.kind in kinds and step.to is not None
    ]


def _unasked(paths: Paths, place: Place) -> list[Place]:
    """On from a place, until somebody is asked, or is handed over or had the choice of an end: what comes after a
    failure there begins anew."""
    ends = isinstance(paths.nodes[place], Asking | Transfer | AtAnEnd)
    return [] if ends else paths.following(place)


def _ends_without_a_human(paths: Paths, starts: list[Place]) -> list[Place]:
    ahead = reach(starts, lambda place: _unasked(paths, place))
    return [place for place in ahead if isinstance(paths.nodes[place], AtAnEnd)]


def _fruitless(paths: Paths, place: Place) -> list[Place]:
    """On from a place, for who never presses what is understood."""
    if not isinstance(paths.nodes[place], Asking):
        return paths.following(place)
    lost = (Kind.SILENCE, Kind.WRONG)
    return [step.to for step in paths.steps[place] if step.way.kind in lost and step.to is not None]


def _silent(paths: Paths, place: Place) -> list[Place]:
    """On from a place, for who presses nothing."""
    if not isinstance(paths.nodes[place], Asking):
        return paths.following(place)
    return [step.to for step in paths.steps[place] if step.way.kind is Kind.SILENCE and step.to is not None]


def _circling(paths: Paths, place: Place, group: set[Place]) -> str:
    """The first of a node's branches that stays in the circle."""
    lost = (Kind.SILENCE, Kind.WRONG)
    return next(step.way.field for step in paths.steps[place] if step.way.kind in lost and step.to in group)


def _blocked(subject: Subject, node: AnyNode) -> float:
    """Seconds at a node in which no key does anything."""
    if isinstance(node, Say) and node.must_be_heard:
        return _seconds(subject, node.prompt)
    return _working(node)


def _heard(subject: Subject, place: Place) -> float:
    """Seconds at a node for who presses nothing and listens to everything."""
    node = subject.paths.nodes[place]
    match node:
        case Say():
            return _seconds(subject, node.prompt)
        case Menu() | Collect():
            return node.attempts * (_seconds(subject, node.prompt) + node.seconds)
        case Transfer():
            return RING_SECONDS
        case Progress() | Knowledge():
            return LOOK_UP_SECONDS + ANSWER_SECONDS
    return _working(node)


def _working(node: AnyNode) -> float:
    match node:
        case Web():
            return node.seconds
        case Progress() | Knowledge():
            return LOOK_UP_SECONDS
        case Condition():
            queues = {case.when.queue for case in node.cases if isinstance(case.when, ByQueue)}
            return LOOK_UP_SECONDS * len(queues)
    return 0.0


def _seconds(subject: Subject, prompt: Prompt) -> float:
    """How long a prompt takes to say. A text nobody can read takes none: it has a finding of its own."""
    if prompt.recording is not None:
        return subject.world.recording_seconds(prompt.recording)
    try:
        pieces = parts(prompt.text)
    except BadText:
        return 0.0
    fixed = (spoken(piece.text) for piece in pieces if isinstance(piece, Fixed))
    variables = sum(not isinstance(piece, Fixed) for piece in pieces)
    return sum(subject.world.seconds(text) for text in fixed if text) + variables * VARIABLE_SECONDS
