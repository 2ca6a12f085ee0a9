"""The mutants of distribution, by the item whose check must notice them."""

from __future__ import annotations

from tests.accept.acd import moments, steps, wrap_up
from tests.accept.acd.floor import Floor, open_floor
from tests.accept.acd.office import office
from tests.accept.acd.outages import cut_off
from tests.accept.acd.relay import CUT_VOICE, cabled, on_the_list
from tests.accept.line import Line
from tests.accept.mutants.mutant_line import Mutant
from tests.accept.scenario import Scale

_SHORT = Scale(full=False)


async def _one_moment(line: Line) -> None:
    """Item 3, one of its moments."""
    floor = await open_floor(line, 2)
    await moments.play(line, floor, [(moments.UnregistersRinging, 0)])


async def _less_in_time(line: Line) -> None:
    """Item 4, its part about steps."""
    admin = await office(line)
    await steps.less_is_asked_for(line, admin, await steps.expert_floor(line, admin), 4.0)


async def _after_call_work(line: Line) -> None:
    """Item 6."""
    await wrap_up.nobody_is_rung_in_it(line, _SHORT)


async def _cut_off(line: Line) -> None:
    """Item 8, its part about a voice process that is cut off."""
    floor: Floor = await open_floor(line, 12, screen=False)
    async with cabled(line) as cables:
        await on_the_list(line, CUT_VOICE)
        await cut_off(line, cables, floor, 20)


async def _all_well(line: Line) -> None:
    for story in (_one_moment, _less_in_time, _cut_off):
        await story(line)
        await line.go_home()


MUTANTS = [
    Mutant("m0", "none: with every guard in place the same stories go well", _all_well),
    Mutant(
        "m1",
        "item 3, nobody listens to a phone that unregisters while it rings",
        _one_moment,
        "is not rung any more",
        guards=("registration",),
    ),
    Mutant(
        "m2",
        "item 4, every step of a queue is open from the beginning",
        _less_in_time,
        "level 2 was asked",
        guards=("steps-in-time",),
    ),
    Mutant(
        "m3",
        "item 4, an edit counts for calls that come after it",
        _less_in_time,
        "asked for under the edited steps",
        guards=("edit-relists",),
    ),
    Mutant(
        "m4",
        "item 6, after-call work is over when the talk is",
        _after_call_work,
        "is WRAP_UP|too soon",
        guards=("wrap-up",),
    ),
    Mutant(
        "m5",
        "item 8, the watchdog believes that a Dial goes on as long as Asterisk's list names it",
        _cut_off,
        "thanked and let go",
        guards=("dial-is-over",),
    ),
]
