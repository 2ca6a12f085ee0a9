"""In the call (通话中): hold, consult, three-way, transfer, take back, supervise, record, survey, call out."""

from __future__ import annotations

from typing import Any

from tests.accept.scenario import Item, Scale
from tests.accept.talk import (
    deaths,
    emergencies,
    failing_branch,
    holding,
    passing_on,
    province,
    recording,
    rounds,
    supervision,
    survey,
    talk_times,
    three_way,
)

ITEMS = [
    Item(1, "on hold the citizen hears music; a consultation is the other two's alone", holding.hold_and_consult),
    Item(2, "three-way: each hears exactly the other two, whoever leaves", three_way.three_way),
    Item(2, "with the province, both ways, and the data with the call", province.province),
    Item(3, "a branch that does not answer: citizen and agent are together again", failing_branch.failing_branch),
    Item(3, "who is passed on is never left alone", passing_on.passing_on),
    Item(3, "the voice process is killed in every state: nobody dropped, a way on", deaths.killed_in_every_state),
    Item(4, "an emergency rings at once; its link down, the next number does, data wait", emergencies.emergencies),
    Item(5, "each part of a talk as long as its packets say; three transfers are one story", talk_times.talk_times),
    Item(6, "listen, whisper, barge, take over: who hears whom; other teams are refused", supervision.supervision),
    Item(7, "one recording: right voices on right channels, no gap, nothing in a pause", recording.recording),
    Item(8, "the citizen is asked how it was: every key, and none", survey.survey),
    Item(9, "a round of tickets: attempts, limits, final states", rounds.rounds),
]


def line_of(_scale: Scale) -> dict[str, Any]:
    """The line these items need: talks are recorded."""
    return {"changes": recording.LINE}
