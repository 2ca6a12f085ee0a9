"""Menus and collections: nodes that hear the citizen.

Keys are taken from those that wait, whether they were pressed long before, while the prompt was spoken or after it;
keys that wait when a node begins to ask spare the citizen its prompt. `0` reaches a human from every menu, whatever is
drawn. While digits are collected 0 is one of them, and `*` reaches a human.
"""

from __future__ import annotations

from typing import Final

from ivr.flow import HUMAN_KEY, Collect, Menu
from ivr.interpreter_machine import FINISH, Machine
from ivr.interpreter_states import Choosing, Collecting
from ivr.speech import speech

HUMAN_WHILE_COLLECTING: Final = "*"


def enter_menu(machine: Machine, menu: Menu) -> None:
    state = machine.state = Choosing()
    choose(machine, menu, state)


def choose(machine: Machine, menu: Menu, state: Choosing) -> None:
    """Take the keys that wait until one of them is known, and go on asking if none is."""
    while machine.ahead:
        key = machine.take()
        _stop(machine)
        if key == HUMAN_KEY:
            machine.human("asked")
        elif (option := menu.options.get(key)) is not None:
            machine.got(f"key {key}", option.next)
        else:
            _wrong(machine, menu, state)
        if machine.state is not state:
            return
    if machine.idle:
        _ask(machine, menu, state)


def enter_collect(machine: Machine, node: Collect) -> None:
    state = machine.state = Collecting()
    collect(machine, node, state)


def collect(machine: Machine, node: Collect, state: Collecting) -> None:
    """Take the keys that wait until there are enough of them, and go on asking if there are not."""
    while machine.ahead:
        key = machine.take()
        if key == FINISH and node.finish is None and state.digits:
            continue  # nobody was told to press it, and nothing is lost by it
        _stop(machine)
        if key == HUMAN_WHILE_COLLECTING:
            machine.human("asked")
        elif key == FINISH:
            _complete(machine, node, state)
        else:
            state.digits += key
            if len(state.digits) == node.max_digits:
                machine.digits_are_complete(node.between_seconds)
                _complete(machine, node, state)
        if machine.state is not state:
            return
    if machine.idle:
        if state.digits:
            machine.wait(node.between_seconds)
        else:
            _ask(machine, node, state)


def listen(machine: Machine, node: Menu | Collect) -> None:
    """The prompt has been said: from now on the citizen's time counts."""
    machine.wait(node.seconds)


def silent_menu(machine: Machine, menu: Menu, state: Choosing) -> None:
    """No key came in time."""
    _silent(machine, menu, state)


def silent_collect(machine: Machine, node: Collect, state: Collecting) -> None:
    """No further digit came in time: there are enough of them, too few, or none."""
    if not state.digits:
        _silent(machine, node, state)
        return
    _complete(machine, node, state)
    if machine.state is state:
        _ask(machine, node, state)


def _complete(machine: Machine, node: Collect, state: Collecting) -> None:
    if len(state.digits) < node.min_digits:
        state.digits = ""
        _wrong(machine, node, state)
        return
    machine.keep(node.variable, state.digits)
    machine.got("next", node.next)


def _wrong(machine: Machine, node: Menu | Collect, state: Choosing | Collecting) -> None:
    state.tries += 1
    state.wrong = True
    if state.tries >= node.attempts:
        machine.gave_up("on_wrong", node.on_wrong, "wrong")


def _silent(machine: Machine, node: Menu | Collect, state: Choosing | Collecting) -> None:
    state.tries += 1
    state.wrong = False
    if state.tries >= node.attempts:
        machine.gave_up("on_timeout", node.on_timeout, "timeout")
    else:
        _ask(machine, node, state)


def _ask(machine: Machine, node: Menu | Collect, state: Choosing | Collecting) -> None:
    machine.asked += 1
    said = speech(node.prompt, machine.values)
    if state.wrong and node.wrong is not None:
        said = speech(node.wrong, machine.values) + said
    if not machine.play(said):
        listen(machine, node)


def _stop(machine: Machine) -> None:
    """A key that counts ends the prompt and the waiting."""
    machine.hush()
    machine.stop_waiting()
