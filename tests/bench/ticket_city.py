"""A city whose tickets are made by the million: its units, what its people say, and every ticket's bare facts.

What demands say is drawn from a pool of texts made of roads, matters and phrases, so that words are as common as they
are in demands: some in all of them, a matter's in one of a hundred, a road's in one of some hundreds. A few matters are
frequent and most are rare, and with them categories and units. Callers' numbers are sealed one by one, 100,000 of them;
names and addresses are a few hundred sealed values, as nobody looks for those.
"""

from __future__ import annotations

import random
import re
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from hotline import search
from hotline.sealed import FieldKeys
from tests.bench import ticket_words as words

LOCAL: Final = timedelta(hours=8)
"""The city's zone: a ticket's number has the local day."""
_LEXEME: Final = re.compile(r"'([^']+)':1([AB])")
_WEIGHTS: Final = {"A": 3 << 14 | 1, "B": 2 << 14 | 1}
"""Weight and position of a lexeme as `tsvector` keeps them."""
_SEALED: Final = 400
_MASK: Final = (1 << 64) - 1


def column(value: bytes | None) -> bytes:
    """One value as PostgreSQL's binary COPY has it."""
    return b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value


def words_column(*values: str) -> bytes:
    """Texts in columns that follow each other."""
    return b"".join(column(value.encode()) for value in values)


@dataclass(frozen=True, slots=True)
class Text:
    """What a demand says. `columns`: title, content, category; `compared` and `lexemes` as `ticket_text` has them."""

    title: str
    content: str
    category: int
    columns: bytes
    compared: bytes
    lexemes: bytes
    lexeme_count: int


@dataclass(slots=True)
class City:
    """What rows are drawn from. `count` tickets over `years` up to `now`."""

    count: int
    now: datetime
    units: list[int]
    keys: FieldKeys
    years: float = 6.5
    texts_in_pool: int = 50_000
    people_in_pool: int = 100_000
    agents: int = 150
    categories: int = 300
    texts: list[Text] = field(default_factory=list)
    people: list[bytes] = field(default_factory=list)
    """Columns caller_number, caller_index, caller_name, address."""
    numbers: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the pools."""
        chance = random.Random(12345)
        self.texts = [self._text(chance) for _ in range(min(self.texts_in_pool, self.count))]
        rest = [
            column(self.keys.seal("ticket.caller_name", f"王{n}"))
            + column(self.keys.seal("ticket.address", f"湖滨区{chance.choice(words.ROADS)}{n % 299 + 1}号"))
            for n in range(_SEALED)
        ]
        for n in range(min(self.people_in_pool, self.count)):
            number = f"+86138{n:08d}"
            sealed = self.keys.seal("ticket.caller_number", number)
            self.numbers.append(number)
            self.people.append(column(sealed) + column(self.keys.index(number)) + rest[n % _SEALED])

    def unit_of(self, category: int) -> int:
        """The unit that handles a category: the catalogue of dispatch is a function here."""
        return self.units[category * len(self.units) // self.categories]

    @property
    def largest_unit(self) -> int:
        """The one that has most tickets: of the commonest matters."""
        return self.unit_of(0)

    @property
    def searched(self) -> dict[str, list[str]]:
        """What is searched for: common words, matters, roads, two of them, and what nobody has said."""
        return {
            "everybody's": ["市民", "希望", "处理", "反映"],
            "a matter's": list(words.MATTERS),
            "a road's": words.ROADS[:60],
            "a house's": [f"{road}{n}号" for n, road in enumerate(words.ROADS[:40], 1)],
            "two": [f"{road} {matter[:2]}" for road, matter in zip(words.ROADS[:60], words.MATTERS, strict=False)],
            "nobody's": ["飞碟降落", "恐龙化石", "海啸预警"],
        }

    def _text(self, chance: random.Random) -> Text:
        place = (
            f"{chance.choice(words.ROADS)}{chance.randrange(1, 300)}号"
            if chance.random() < 0.7
            else f"{chance.choice(words.ESTATES)}{chance.randrange(1, 40)}号楼"
        )
        # Squared: the commonest matter is one in eight, the rarest one in a hundred and twenty.
        kind = int(len(words.MATTERS) * chance.random() ** 2)
        category = kind * 5 + int(5 * chance.random() ** 2)
        matter = words.MATTERS[kind]
        details = "，".join(chance.sample(words.DETAILS, chance.choice((1, 2, 2, 3, 4))))
        title = f"{place}{matter}"
        content = (
            f"市民反映{chance.choice(words.WHEN)}{place}{matter}，{details}。"
            f"{chance.choice(words.COURSES)}。{chance.choice(words.WISHES)}。"
        )
        found = _LEXEME.findall(search.vector((title, "A"), (content, "B")))
        return Text(
            title,
            content,
            category,
            words_column(title, content, f"C{category:03d}"),
            words_column(search.normal(f"{title} {content}")),
            b"".join(lexeme.encode() + struct.pack(">xHH", 1, _WEIGHTS[weight]) for lexeme, weight in found),
            len(found),
        )


def draw(ticket_id: int) -> int:
    """64 bits that look random, of a ticket alone: each table can be made for itself (the finalizer of SplitMix64)."""
    bits = (ticket_id * 0x9E3779B97F4A7C15) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def age_of(city: City, ticket_id: int) -> float:
    """Seconds since it was registered. Ids ascend with time, the last one is of now."""
    return (city.count - ticket_id) * city.years * 365.25 * 86_400 / city.count


def number_of(city: City, ticket_id: int) -> str:
    """Its number: the local day, and its place in that."""
    day = _day(city, ticket_id)
    low, high = 1, ticket_id
    # The day's first id, by halving.
    while low < high:
        middle = (low + high) // 2
        if _day(city, middle) < day:
            low = middle + 1
        else:
            high = middle
    return f"SMX{day}{ticket_id - low + 1:06d}"


def _day(city: City, ticket_id: int) -> str:
    at = datetime.fromtimestamp(second_of(city, ticket_id), UTC)
    return f"{at + LOCAL:%Y%m%d}"


def second_of(city: City, ticket_id: int) -> int:
    """When it was registered, in seconds since 1970."""
    return int(city.now.timestamp() - age_of(city, ticket_id))
