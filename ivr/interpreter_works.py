"""Nodes that say something, ask the world for something, or end the flow.

What the world could not do goes by `on_failure`, or to a human where nobody drew that.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.events import (
    AskSatisfaction,
    CallWeb,
    DialEmergency,
    DialTarget,
    LookUpKnowledge,
    LookUpProgress,
    PromiseCallback,
    Recording,
    Speech,
    TakeMessage,
    Work,
)
from ivr.flow import (
    HUMAN_KEY,
    AnyNode,
    Assign,
    Callback,
    Emergency,
    Entry,
    Hangup,
    Knowledge,
    Message,
    Progress,
    Queue,
    Return,
    Say,
    SubFlow,
    Survey,
    Transfer,
    Web,
)
from ivr.interpreter_machine import Machine
from ivr.interpreter_states import Saying, Working
from ivr.speech import filled, speech, speech_of
from ivr.variables import LANGUAGE


def enter_entry(machine: Machine, node: Entry) -> None:
    machine.leave("next", node.next)


def enter_say(machine: Machine, node: Say) -> None:
    """Keys that wait already spare the citizen what need not be heard."""
    if machine.ahead and not node.must_be_heard:
        machine.leave("next", node.next)
    elif machine.play(speech(node.prompt, machine.values)):
        machine.state = Saying(stops=not node.must_be_heard)
    else:
        machine.leave("next", node.next)


def enter_assign(machine: Machine, node: Assign) -> None:
    # All from what held before: a stored flow does not keep the order of names.
    for name, value in {name: filled(text, machine.values) for name, text in node.values.items()}.items():
        machine.keep(name, value)
    if node.language is not None:
        machine.language = node.language
        machine.keep(LANGUAGE, node.language)
    machine.leave("next", node.next)


def enter_queue(machine: Machine, node: Queue) -> None:
    machine.hand_over(node.queue, node.skills)


def enter_subflow(machine: Machine, node: SubFlow) -> None:
    machine.into(node)


def enter_return(machine: Machine, node: Return) -> None:
    machine.back(node.outcome)


def enter_hangup(machine: Machine, node: Hangup) -> None:
    """Who has pressed 0 while something was said, or presses it now, wants a human and no good-bye."""
    if HUMAN_KEY in machine.ahead:
        machine.human("asked")
    elif node.prompt is not None and machine.play(speech(node.prompt, machine.values)):
        machine.state = Saying(stops=False)
    else:
        machine.hang_up()


def enter_progress(machine: Machine, node: Progress) -> None:
    number, code = machine.values.get(node.number), machine.values.get(node.code)
    if number is None or code is None:
        failed(machine, node)
    else:
        _work(machine, LookUpProgress(number, code))


def enter_knowledge(machine: Machine, node: Knowledge) -> None:
    _work(machine, LookUpKnowledge(node.entry))


def enter_web(machine: Machine, node: Web) -> None:
    _work(machine, CallWeb(node, {name: filled(text, machine.values) for name, text in node.send.items()}))


def enter_transfer(machine: Machine, node: Transfer) -> None:
    _work(machine, DialTarget(node.target))


def enter_emergency(machine: Machine, node: Emergency) -> None:
    _work(machine, DialEmergency(node.number))


def enter_callback(machine: Machine, _: Callback) -> None:
    _work(machine, PromiseCallback())


def enter_message(machine: Machine, _: Message) -> None:
    _work(machine, TakeMessage())


def enter_survey(machine: Machine, _: Survey) -> None:
    _work(machine, AskSatisfaction())


def _work(machine: Machine, work: Work) -> None:
    machine.state = Working()
    machine.do(work)


# --- what the world answers -------------------------------------------------------------------------------------------


def done(machine: Machine, node: AnyNode, values: Mapping[str, str]) -> None:
    """The world did what the node asked for."""
    match node:
        case Survey():
            machine.leave("next", node.next)
        case Progress():
            _read_aloud(machine, node, values, "state")
        case Knowledge():
            _read_aloud(machine, node, values, "text")
        case Web():
            _save(machine, node, values)
        case _:
            # A talk, a promise or a message ends the call: who had that is not asked or queued again.
            machine.hang_up()


def _save(machine: Machine, node: Web, values: Mapping[str, str]) -> None:
    if not node.save.keys() <= values.keys():
        failed(machine, node)
        return
    for name in node.save:
        machine.keep(name, values[name])
    machine.leave("next", node.next)


def _read_aloud(machine: Machine, node: Progress | Knowledge, values: Mapping[str, str], name: str) -> None:
    """What was asked for is said even when keys wait, for nobody can know it beforehand; a key pressed meanwhile ends
    it."""
    if machine.play(_answer(values, name)):
        machine.state = Saying(stops=True)
    else:
        failed(machine, node)


def _answer(values: Mapping[str, str], name: str) -> Speech:
    """The answer's text has variables of its own, among the values that came with it."""
    recording = values.get("recording")
    return (Recording(recording),) if recording else speech_of(values.get(name, ""), values)


def failed(machine: Machine, node: AnyNode) -> None:
    """The world could not do what the node asked for."""
    if isinstance(node, Emergency | Survey):
        machine.human("failure")
    elif isinstance(node, Transfer | Progress | Knowledge | Callback | Message | Web):
        machine.leave("on_failure", node.on_failure, "failure")
