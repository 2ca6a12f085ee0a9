"""A menu flow that runs: events in, actions out. Nothing here waits, reads a clock or knows a channel.

Whatever goes wrong leads to a human: a branch nobody drew, work that failed, a text that cannot be said, a flow without
an end. Variables and keys are personal data; they stand in no text of an error and in no `repr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from hotline.errors import InvalidInput
from ivr import flow as nodes
from ivr.events import Action, Calendar, CallFacts, Done, Elapsed, Event, Failed, Played, Pressed
from ivr.flow import Flow
from ivr.interpreter_asking import (
    choose,
    collect,
    enter_collect,
    enter_menu,
    listen,
    silent_collect,
    silent_menu,
)
from ivr.interpreter_conditions import enter_condition, queue_answered, queue_failed
from ivr.interpreter_machine import Machine, Place
from ivr.interpreter_states import Choosing, Collecting, Looking, Over, Saying, Working
from ivr.interpreter_works import (
    done,
    enter_assign,
    enter_callback,
    enter_emergency,
    enter_entry,
    enter_hangup,
    enter_knowledge,
    enter_message,
    enter_progress,
    enter_queue,
    enter_return,
    enter_say,
    enter_subflow,
    enter_survey,
    enter_transfer,
    enter_web,
    failed,
)

KEYS: Final = frozenset("0123456789*#")
"""Keys of a telephone. The tones A to D are none."""

# Nodes and states have types of their own; that each function fits its row is what the tests walk through.
_ENTER: Final[Mapping[type, Callable[[Machine, Any], None]]] = {
    nodes.Entry: enter_entry,
    nodes.Say: enter_say,
    nodes.Menu: enter_menu,
    nodes.Collect: enter_collect,
    nodes.Condition: enter_condition,
    nodes.Assign: enter_assign,
    nodes.Queue: enter_queue,
    nodes.Transfer: enter_transfer,
    nodes.Emergency: enter_emergency,
    nodes.Progress: enter_progress,
    nodes.Knowledge: enter_knowledge,
    nodes.Callback: enter_callback,
    nodes.Message: enter_message,
    nodes.Survey: enter_survey,
    nodes.SubFlow: enter_subflow,
    nodes.Return: enter_return,
    nodes.Web: enter_web,
    nodes.Hangup: enter_hangup,
}


def _said(machine: Machine, node: Any, _: Saying) -> None:
    if isinstance(node, nodes.Hangup):
        machine.hang_up()
    else:
        machine.leave("next", node.next)


def _pressed(machine: Machine, node: Any, state: Saying) -> None:
    if state.stops:
        machine.leave("next", node.next)
    elif isinstance(node, nodes.Hangup) and nodes.HUMAN_KEY in machine.ahead:
        machine.human("asked")


_ON_KEY: Final[Mapping[type, Callable[[Machine, Any, Any], None]]] = {
    Saying: _pressed,
    Choosing: choose,
    Collecting: collect,
}
"""In every other state a key waits."""

_ON_SAID: Final[Mapping[type, Callable[[Machine, Any, Any], None]]] = {
    Saying: _said,
    Choosing: lambda machine, node, _: listen(machine, node),
    Collecting: lambda machine, node, _: listen(machine, node),
}

_ON_SILENCE: Final[Mapping[type, Callable[[Machine, Any, Any], None]]] = {
    Choosing: silent_menu,
    Collecting: silent_collect,
}

_ON_DONE: Final[Mapping[type, Callable[[Machine, Any, Any, Mapping[str, str]], None]]] = {
    Working: lambda machine, node, _, values: done(machine, node, values),
    Looking: queue_answered,
}

_ON_FAILED: Final[Mapping[type, Callable[[Machine, Any, Any], None]]] = {
    Working: lambda machine, node, _: failed(machine, node),
    Looking: lambda machine, node, _: queue_failed(machine, node),
}


class Run:
    """One caller in a flow. `flows` are the versions this call stays with, by key; `key` is the one it begins in."""

    def __init__(self, flows: Mapping[str, Flow], key: str, facts: CallFacts, calendar: Calendar) -> None:
        self._machine = Machine(flows, key, facts, calendar)

    def __repr__(self) -> str:
        return f"<Run at {self.at.flow}/{self.at.node}{' over' if self.over else ''}>"

    @property
    def at(self) -> Place:
        """The flow and the node the caller is in."""
        return self._machine.place

    @property
    def above(self) -> tuple[Place, ...]:
        """The nodes whose sub-flows the caller is in, outermost first."""
        return self._machine.above

    @property
    def over(self) -> bool:
        return isinstance(self._machine.state, Over)

    @property
    def asking(self) -> bool:
        """Whether keys are taken now, by a menu or a collection."""
        return isinstance(self._machine.state, Choosing | Collecting)

    @property
    def asked(self) -> int:
        """How many times the caller was asked for keys so far."""
        return self._machine.asked

    @property
    def values(self) -> Mapping[str, str]:
        """The variables as they are now. Personal data."""
        return MappingProxyType(self._machine.values)

    @property
    def language(self) -> str:
        """What the call goes on in."""
        return self._machine.language

    def begin(self, now: datetime) -> list[Action]:
        """Enter the flow at the aware moment `now`. To be called once, before anything else."""
        self._machine.now = now
        return self._go_on()

    def on(self, event: Event, now: datetime) -> list[Action]:
        """What follows from an event at the aware moment `now`. Answers with late tokens, keys no telephone has, and
        whatever comes after the end, change nothing."""
        machine = self._machine
        if self.over:
            return []
        machine.now = now
        try:
            self._hear(event)
        except InvalidInput:
            machine.human("failure")
        return self._go_on()

    def _hear(self, event: Event) -> None:
        machine, state, node = self._machine, self._machine.state, self._machine.node()
        kind = type(state)
        match event:
            case Pressed(key):
                if key in KEYS and machine.pressed(key) and kind in _ON_KEY:
                    _ON_KEY[kind](machine, node, state)
            case Played(token):
                if machine.played(token) and kind in _ON_SAID:
                    _ON_SAID[kind](machine, node, state)
            case Elapsed(token):
                if machine.elapsed(token) and kind in _ON_SILENCE:
                    _ON_SILENCE[kind](machine, node, state)
            case Done(token, values):
                if machine.answered(token) and kind in _ON_DONE:
                    _ON_DONE[kind](machine, node, state, values)
            case Failed(token):
                if machine.answered(token) and kind in _ON_FAILED:
                    _ON_FAILED[kind](machine, node, state)

    def _go_on(self) -> list[Action]:
        machine = self._machine
        while machine.state is None and machine.entered():
            node = machine.node()
            try:
                if node is None:
                    machine.human("failure")
                else:
                    _ENTER[type(node)](machine, node)
            except InvalidInput:
                machine.human("failure")
        out, machine.out = machine.out, []
        return out
