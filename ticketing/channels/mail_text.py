"""The words of a mail, whatever its charset says: many Chinese mailers call GB18030 `gb2312`, or name none at all."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from html.parser import HTMLParser
from typing import Final

_WIDER: Final = frozenset({"gb2312", "gb_2312-80", "gbk", "cp936", "x-gbk", "ms936", "hz-gb-2312", "chinese"})
"""Charsets that GB18030 holds, under the names that stand in mails. HZ is tried as itself first."""
_SAYS_NOTHING: Final = frozenset({"us-ascii", "ascii", "iso-8859-1", "windows-1252", "unknown-8bit", "x-unknown"})
"""What mailers write that do not know: as these, any bytes are text."""
_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LINES_APART: Final = frozenset({"p", "div", "br", "tr", "li", "table", "h1", "h2", "h3", "h4", "blockquote"})
_UNSEEN: Final = frozenset({"script", "style", "head", "title", "template"})


def decoded(content: bytes, charset: str | None) -> str:
    """Bytes as text: by the charset that is named, or one that holds it, else by the first that fits."""
    named = (charset or "").strip().lower()
    first = ("ascii",) if not named or named in _SAYS_NOTHING else (named,)
    wider = ("gb18030",) if named in _WIDER else ()
    for one in (*first, *wider, "utf-8", "gb18030"):
        try:
            return content.decode(one)
        except (LookupError, UnicodeError, ValueError):
            continue
    return content.decode("utf-8", errors="replace")


def header(message: Message, name: str) -> str:
    """A header in plain words, on one line; empty if it is not there."""
    raw = next((value for found, value in message.raw_items() if found.lower() == name.lower()), "")
    return words(raw)


def words(raw: str) -> str:
    """Encoded words (RFC 2047), or bytes that were never encoded, as text on one line."""
    plain = raw.encode("utf-8", "surrogateescape")
    if not plain.isascii():
        return one_line(decoded(plain, None))
    try:
        parts = decode_header(raw.replace("\r", "").replace("\n", ""))
    except (HeaderParseError, ValueError):
        return one_line(raw)
    return one_line("".join(part if isinstance(part, str) else decoded(part, charset) for part, charset in parts))


def one_line(text: str) -> str:
    """Without control characters and what steers the direction of writing; any white space is one blank."""
    return " ".join(_CONTROL.sub("", text.replace("\t", " ").replace("\r", " ").replace("\n", " ")).split())


def visible(text: str) -> str:
    """The same, with its lines; no more than one empty line in a row."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [" ".join(_CONTROL.sub("", line.replace("\t", " ")).split()) for line in unified.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Seen(HTMLParser):
    """What a reader of a page sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _LINES_APART:
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _LINES_APART:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            # A line's end in the source is no line's end on the page.
            self.text.append(re.sub(r"\s+", " ", data))


def of_html(page: str) -> str:
    """The words of a page."""
    reader = _Seen()
    reader.feed(page)
    reader.close()
    return visible("".join(reader.text))
