"""Questions of graphs that several rules ask. None of them recurses: a flow may be one long chain."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Following = Callable[[Node], Iterable[Node]]


def reach(starts: Iterable[Node], following: Following[Node]) -> dict[Node, None]:
    """What can be come to from `starts`, themselves included, nearest first."""
    found: dict[Node, None] = {}
    waiting = deque(starts)
    while waiting:
        node = waiting.popleft()
        if node not in found:
            found[node] = None
            waiting.extend(following(node))
    return found


def loops(nodes: Iterable[Node], following: Following[Node]) -> list[list[Node]]:
    """The largest groups of nodes each of which leads to all of its group (Tarjan), without single nodes that do not
    lead to themselves."""
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    path: list[Node] = []
    on_path: set[Node] = set()
    found: list[list[Node]] = []
    for start in nodes:
        if start in number:
            continue
        work = [(start, iter(list(following(start))))]
        number[start] = low[start] = len(number)
        path.append(start)
        on_path.add(start)
        while work:
            node, rest = work[-1]
            deeper = next((one for one in rest if one not in number or one in on_path), None)
            if deeper is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    group = [path.pop()]
                    while group[-1] != node:
                        group.append(path.pop())
                    group.reverse()
                    on_path.difference_update(group)
                    if len(group) > 1 or node in following(node):
                        found.append(group)
            elif deeper in number:
                low[node] = min(low[node], number[deeper])
            else:
                number[deeper] = low[deeper] = len(number)
                path.append(deeper)
                on_path.add(deeper)
                work.append((deeper, iter(list(following(deeper)))))
    return found


def longest(
    starts: Iterable[Node], following: Following[Node], cost: Callable[[Node], float]
) -> dict[Node, tuple[float, list[Node]]]:
    """The dearest way from each start, and its nodes. A step that would close a loop is not taken: loops are other
    rules' matter."""
    best: dict[Node, tuple[float, Node | None]] = {}
    begun: set[Node] = set()
    firsts = list(dict.fromkeys(starts))
    work = [(start, False) for start in reversed(firsts)]
    while work:
        node, known = work.pop()
        if known:
            onward = max((one for one in following(node) if one in best), key=lambda one: best[one][0], default=None)
            best[node] = (cost(node) + (best[onward][0] if onward is not None else 0.0), onward)
        elif node not in begun:
            begun.add(node)
            work.append((node, True))
            work.extend((one, False) for one in following(node))
    found: dict[Node, tuple[float, list[Node]]] = {}
    for start in firsts:
        way: list[Node] = []
        at: Node | None = start
        while at is not None:
            way.append(at)
            at = best[at][1]
        found[start] = (best[start][0], way)
    return found
