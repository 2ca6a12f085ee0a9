"""The mutants of menus, by the item whose check must notice them."""

from __future__ import annotations

import asyncio

from tests.accept.acd.floor import open_floor, take_and_wrap_up
from tests.accept.ivr import generated_flows, key_tones, progress_by_phone, two_editors, versions, web_node
from tests.accept.ivr.editors import editor
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.line import Line
from tests.accept.mutants.guards import RULE_OFF
from tests.accept.mutants.mutant_line import Mutant
from tests.accept.scenario import Scale
from tests.ivr.generated import broken
from tests.ivr.planted import PLANTS

_SHORT = Scale(full=False)
_KILLS = 8


async def _versions(line: Line) -> None:
    """Item 1."""
    await versions.versions(line, _SHORT)


async def _faults(line: Line) -> None:
    """Item 2, its faults of one rule and of another."""
    admin = await editor(line)
    await generated_flows.have_world(line, admin)
    seeds = [list(PLANTS).index(rule) for rule in ("variable.built_in", RULE_OFF)]
    await generated_flows.refused_for_their_faults(line, admin, [broken(seed) for seed in seeds])


async def _keys(line: Line) -> None:
    """Item 4, one of its hands."""
    sounds = Sounds()
    await sounds.speak(line, key_tones.TEXTS)
    admin = await editor(line)
    document = key_tones.menus()
    await admin.release(document)
    await admin.assign(key_tones.MENUS, document["flow"])
    floor = await open_floor(line, 1, screen=False)
    floor.usual = take_and_wrap_up
    await asyncio.sleep(1.0)  # the menu is at hand everywhere
    await key_tones.try_hand(line, sounds, key_tones.HANDS[0])


async def _killed(line: Line) -> None:
    """Item 5, its part about a kill."""
    await Sounds().speak(line, two_editors.TEXTS)
    await short_greetings(line)
    await two_editors.killed(line, await editor(line), _KILLS)


async def _units(line: Line) -> None:
    """Item 6."""
    await web_node.web_node(line, _SHORT)


async def _progress(line: Line) -> None:
    """Item 7."""
    await progress_by_phone.progress_by_phone(line, _SHORT)


async def _all_well(line: Line) -> None:
    for story in (_faults, _keys, _killed):
        await story(line)
        await line.go_home()


MUTANTS = [
    Mutant("m0", "none: with every guard in place the same stories go well", _all_well),
    Mutant(
        "m1",
        "item 1, a call's menu is the newest version and not its own",
        _versions,
        "leaves 'choose'|the version's own prompt",
        guards=("menu-pinned",),
    ),
    Mutant(
        "m2",
        "item 2, a rule is switched off",
        _faults,
        f"{RULE_OFF} at .* (is published|is not found)",
        guards=("menu-rule",),
    ),
    Mutant(
        "m4",
        "item 4, a key counts when it goes down and when it comes up",
        _keys,
        "210 ahead",
        guards=("key-once",),
    ),
    Mutant(
        "m5",
        "item 5, a version is committed before it is announced",
        _killed,
        "half a publication",
        guards=("menu-atomic",),
    ),
    Mutant(
        "m6",
        "item 6, a web request may go to any address",
        _units,
        "a private address was connected to",
        guards=("web-address",),
    ),
    Mutant(
        "m7",
        "item 7, nobody counts the guesses",
        _progress,
        "it was answered",
        guards=("guess-limit",),
    ),
]
