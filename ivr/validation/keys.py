"""Rules of keys, and how much a menu may ask of a caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ivr.flow import HUMAN_KEY, Collect, Menu
from ivr.nodes import Asking, Kind
from ivr.validation.finding import Remark
from ivr.validation.graph import reach
from ivr.validation.subject import Paths, Place, Subject

MOST_OPTIONS: Final = 5
DEEPEST: Final = 2
FINISH: Final = "#"
HUMAN_WHILE_COLLECTING: Final = "*"


def human_key_taken(subject: Subject) -> Iterator[Remark]:
    """`0` reaches a human from every menu and is nobody's option, not even one that leads to a human as well."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Menu) and HUMAN_KEY in node.options:
            yield Remark(
                key,
                f"options.{HUMAN_KEY}",
                "0 键在任何菜单都直接转人工，不能另作选项",
                "删除 0 键选项，或改用 1 至 9 的按键；不必自己画转人工",
            )


def finish_taken(subject: Subject) -> Iterator[Remark]:
    """A menu comes right after a collection and has an option on `#`. Whoever ends digits by `#` although they were
    complete means that, so such a `#` is not an answer to the menu; the option would not be heard."""
    paths = subject.paths

    def unasked(place: Place) -> list[Place]:
        return [] if isinstance(paths.nodes[place], Asking) else paths.following(place)

    collected = [
        step.to
        for place, node in paths.nodes.items()
        if isinstance(node, Collect)
        for step in paths.steps[place]
        if step.way.kind is Kind.NEXT and step.to is not None
    ]
    told = set()
    for place in reach(collected, unasked):
        node = paths.nodes[place]
        if isinstance(node, Menu) and FINISH in node.options and place.here not in told:
            told.add(place.here)
            yield Remark(
                place.here,
                f"options.{FINISH}" if not place.by else "flow",
                "紧接在收号之后的菜单把 # 作选项，而群众习惯按 # 结束输入，这个 # 会被当作输入结束",
                "改用其他按键，或在收号与菜单之间先用别的菜单确认",
            )


def star_has_two_meanings(subject: Subject) -> Iterator[Remark]:
    """`*` is a menu's option in a flow that also collects digits, where `*` reaches a human."""
    nodes = sorted(subject.flow.nodes.items())
    if not any(isinstance(node, Collect) for _, node in nodes):
        return
    for key, node in nodes:
        if isinstance(node, Menu) and HUMAN_WHILE_COLLECTING in node.options:
            yield Remark(
                key, f"options.{HUMAN_WHILE_COLLECTING}", "本流程收号时 * 转人工，在这个菜单里却是选项", "改用其他按键"
            )


def digits_range(subject: Subject) -> Iterator[Remark]:
    """A collection that can never be complete."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Collect) and node.min_digits > node.max_digits:
            yield Remark(
                key,
                "min_digits",
                f"最少 {node.min_digits} 位多于最多 {node.max_digits} 位，永远收不齐",
                "把最少位数改为不大于最多位数",
            )


def too_many_options(subject: Subject) -> Iterator[Remark]:
    """More than five options, whatever their keys; `0` does not count, for it is none."""
    for key, node in sorted(subject.flow.nodes.items()):
        if isinstance(node, Menu) and len(node.options.keys() - {HUMAN_KEY}) > MOST_OPTIONS:
            yield Remark(
                key,
                "options",
                f"有 {len(node.options.keys() - {HUMAN_KEY})} 个选项，多于 {MOST_OPTIONS} 个，群众听不完也记不住",
                "保留最常用的选项，其余请群众按 0 转人工",
            )


def too_deep(subject: Subject) -> Iterator[Remark]:
    """A third menu on one way. Measured over what is chosen by key: from a menu's options, through nodes that do not
    ask and through collections, to the next menu. No such way may pass three different menus when it begins at a menu
    that a caller comes to without choosing in another one; a way back to a menu that was passed does not count.
    Reported at the third menu, or at the sub-flow's node it is in."""
    paths = subject.paths
    menus = {place: node for place, node in paths.nodes.items() if isinstance(node, Menu)}

    def unchosen(place: Place) -> list[Place]:
        return [step.to for step in paths.steps[place] if step.to is not None and step.way.kind is not Kind.KEY]

    def next_menus(place: Place) -> list[Place]:
        chosen = [step.to for step in paths.steps[place] if step.to is not None and step.way.kind is Kind.KEY]
        ahead = reach(chosen, lambda one: [] if one in menus else _answered(paths, one))
        return [one for one in ahead if one in menus]

    below = {place: next_menus(place) for place in menus}
    ways: list[tuple[Place, ...]] = [(place,) for place in reach(paths.starts, unchosen) if place in menus]
    for _ in range(DEEPEST):
        ways = [(*way, lower) for way in ways for lower in below[way[-1]] if lower not in way]
    deepest: dict[str, tuple[Place, ...]] = {}
    for way in ways:
        deepest.setdefault(way[-1].here, way)
    for key, way in sorted(deepest.items()):
        names = "、".join(str(place) for place in way)
        remedy = f"把这个菜单的选项并入上层，或直接转人工；菜单最多 {DEEPEST} 层"
        yield Remark(key, "", f"菜单超过 {DEEPEST} 层：{names}", remedy)


def _answered(paths: Paths, place: Place) -> list[Place]:
    """The ways on of a caller who presses what is asked for."""
    fruitless = {Kind.SILENCE, Kind.WRONG}
    return [step.to for step in paths.steps[place] if step.to is not None and step.way.kind not in fruitless]
