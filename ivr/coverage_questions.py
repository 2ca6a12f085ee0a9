"""What the city, a caller and the world can answer a flow, as far as the flow tells answers apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import chain, count, islice, product
from typing import Final

from ivr.coverage import wrong_digits, wrong_key
from ivr.events import (
    AskSatisfaction,
    CallFacts,
    CallWeb,
    DialEmergency,
    LookAtQueue,
    LookUpKnowledge,
    LookUpProgress,
    Work,
)
from ivr.flow import (
    Assign,
    ByAnswer,
    ByCalendar,
    ByLanguage,
    ByLine,
    ByQueue,
    ByTag,
    ByTime,
    Collect,
    Condition,
    Flow,
    Menu,
    Test,
)
from ivr.speech import Variable, parts
from ivr.variables import LANGUAGE, LINE

_LINE: Final = "12345"
_QUIET_DAY: Final = date(2026, 11, 23)
_QUIET_TIME: Final = time(12)
_FILLERS: Final = "1234567890"
_MOST_FACTS: Final = 200

Values = Mapping[str, str] | None
"""What the world answers; None: it could not do it."""


class Questions:
    """Of the flows a caller can come to: the answers worth trying, each of which some node may tell from the others."""

    def __init__(self, flows: Mapping[str, Flow], key: str) -> None:
        self._nodes = [node for flow in flows.values() for node in flow.nodes.values()]
        self._language = flows[key].language
        self._tests: list[Test] = [
            case.when for node in self._nodes if isinstance(node, Condition) for case in node.cases
        ]
        self._answers = self._of_variables()
        self.telling = frozenset(self._answers)
        """The variables that any condition looks at, or that such variables are made of."""

    def _of_variables(self) -> dict[str, set[str]]:
        """By variable, the values that conditions look for; also of those that are copied into such a variable."""
        found: dict[str, set[str]] = {}
        for test in self._tests:
            if isinstance(test, ByAnswer):
                found.setdefault(test.variable, set()).update(test.values)
        sources = [
            (name, piece.name)
            for node in self._nodes
            if isinstance(node, Assign)
            for name, text in node.values.items()
            for piece in parts(text)
            if isinstance(piece, Variable)
        ]
        for _ in sources:  # as many rounds as there can be steps from one to the next
            for name, source in sources:
                if name in found:
                    found.setdefault(source, set()).update(found[name])
        return found

    # --- the city ---

    def moments(self) -> list[datetime]:
        """Local times, without a zone, on either side of every bound."""
        days = {_QUIET_DAY}
        times = {_QUIET_TIME}
        for test in self._tests:
            if isinstance(test, ByCalendar):
                days |= {test.first, test.last + timedelta(days=1)}
            if isinstance(test, ByTime):
                times |= {test.opens, test.closes, _middle(test.opens, test.closes), _middle(test.closes, test.opens)}
        return [datetime.combine(day, at) for day in sorted(days) for at in sorted(times)]

    def facts(self) -> list[CallFacts]:
        """Callers who differ in what flows ask about them."""
        lines = _ordered([_LINE], self._of(ByLine), self._answers.get(LINE, ()))
        tags = _ordered(self._of(ByTag))
        kinds = [frozenset[str](), *(frozenset({tag}) for tag in tags)]
        languages = _ordered([self._language], self._of(ByLanguage), self._answers.get(LANGUAGE, ()))
        every = islice(product(lines, kinds, languages), _MOST_FACTS)
        return [CallFacts(line, line, of, language) for line, of, language in every]

    def _of(self, kind: type[ByLine | ByTag | ByLanguage]) -> Iterator[str]:
        for test in self._tests:
            if isinstance(test, kind):
                match test:
                    case ByLine(lines=many) | ByTag(tags=many):
                        yield from many
                    case ByLanguage(language=one):
                        yield one

    # --- a caller ---

    def keys(self, node: Menu | Collect) -> list[str]:
        """What can be pressed when this node asks; "": nothing."""
        if isinstance(node, Menu):
            wrong = wrong_key(node)
            return [*(key for key in node.options if key != "0"), "", *([] if wrong is None else [wrong])]
        return [*self._digits(node), "", wrong_digits(node)]

    def _digits(self, node: Collect) -> list[str]:
        """Numbers of the right length, one of them not looked for by anybody."""
        wanted = self._answers.get(node.variable, set())
        fits = sorted(one for one in wanted if one.isdigit() and node.min_digits <= len(one) <= node.max_digits)
        plain = next((one for digit in _FILLERS if (one := digit * node.min_digits) not in wanted), None)
        return [_ended(one, node) for one in ([] if plain is None else [plain]) + fits]

    # --- the world ---

    def answers(self, work: Work) -> list[Values]:
        """What the world can say to this."""
        match work:
            case LookAtQueue(queue):
                return [*self._of_queue(queue), None]
            case LookUpProgress():
                return [{"state": "办理中"}, None]
            case LookUpKnowledge():
                return [{"text": "答复"}, None]
            case CallWeb(node):
                return [*self._of_web(node.save), None]
            case AskSatisfaction() | DialEmergency():
                return [{}, None]
        return [{}, None]

    def _of_queue(self, queue: str) -> list[Values]:
        bounds = {
            test.waiting
            for test in self._tests
            if isinstance(test, ByQueue) and test.queue == queue and test.waiting is not None
        }
        return [{"waiting": str(n), "ready": ready} for n in sorted({0, *bounds}) for ready in ("1", "0")]

    def _of_web(self, names: Iterable[str]) -> list[Values]:
        plain = {name: next(one for one in _others() if one not in self._answers.get(name, ())) for name in names}
        return [plain, *({**plain, name: value} for name in plain for value in sorted(self._answers.get(name, ())))]


def _ended(digits: str, node: Collect) -> str:
    """With the key that ends them, or that is swallowed after as many as there can be."""
    return digits + "#" if node.finish is not None or len(digits) == node.max_digits else digits


def _middle(first: time, second: time) -> time:
    """Half way from one to the other, over midnight if need be."""
    start = first.hour * 60 + first.minute
    span = (second.hour * 60 + second.minute - start) % 1_440
    at = (start + span // 2) % 1_440
    return time(at // 60, at % 60)


def _others() -> Iterator[str]:
    """Values that can be said in every form."""
    return (str(number) for number in count(7))


def _ordered(*many: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(chain(*many)))
