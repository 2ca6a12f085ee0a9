"""Exact search in Chinese text, for PostgreSQL's `tsvector` with a GIN index.

Chinese has no blanks between words, and a dictionary's words miss what people type (路灯 in 路灯杆). So the lexemes
of a text are its characters and all pairs of neighbours: a text that holds a term holds the term's pairs. That finds
the few candidates by index; a comparison of the text itself then decides, so that a hit always holds the term as it was
written. Letters and digits are taken one by one in the same way.

The lexemes are written in tsvector's own notation and cast, not parsed: what PostgreSQL's parser takes for a word
depends on the locale of the database.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

_WORDS: Final = re.compile(r"\w+")
LONGEST_QUERY: Final = 60
"""Characters of a question that count."""
_MOST_TERMS: Final = 8


def normal(text: str) -> str:
    """The text as it is compared: full-width forms folded, lower case, one blank for whatever is no letter or digit."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).lower().replace("_", " ")))


def terms(question: str) -> list[str]:
    """What a question asks for: its runs of letters and digits, each to be found as it stands. Empty: for nothing."""
    return list(dict.fromkeys(normal(question[:LONGEST_QUERY]).split()))[:_MOST_TERMS]


def vector(*parts: tuple[str, str]) -> str:
    """The `tsvector` of texts, each with its weight, A (the heaviest) to D."""
    weighed: dict[str, str] = {}
    for text, weight in parts:
        for lexeme in itertools.chain.from_iterable(map(_lexemes, normal(text).split())):
            weighed[lexeme] = min(weight, weighed.get(lexeme, weight))
    return " ".join(f"'{lexeme}':1{weight}" for lexeme, weight in weighed.items())


def query(wanted: Iterable[str], *, every: bool = True) -> str:
    """The `tsquery` of terms: texts that have every lexeme of them, or any."""
    lexemes = dict.fromkeys(itertools.chain.from_iterable(map(_asked, wanted)))
    return (" & " if every else " | ").join(f"'{lexeme}'" for lexeme in lexemes)


def pairs(wanted: Iterable[str]) -> list[str]:
    """The lexemes a query asks for, as `tsquery` each: how many of them a text has says how near it comes."""
    return [f"'{lexeme}'" for lexeme in dict.fromkeys(itertools.chain.from_iterable(map(_asked, wanted)))]


def _lexemes(run: str) -> Iterator[str]:
    yield from run
    yield from map("".join, itertools.pairwise(run))


def _asked(term: str) -> Iterator[str]:
    """The pairs alone find what the characters would, and are far rarer."""
    return map("".join, itertools.pairwise(term)) if len(term) > 1 else iter(term)
