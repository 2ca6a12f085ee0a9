"""What may go into AGI text.

Two things must never happen: a value ends the command line and begins another (CR, LF, NUL, or a line longer than
Asterisk's buffer), and a value turns into something Asterisk evaluates (`${SHELL(...)}`, a second dialled target after
`&`, a further application argument after `,`). The first is refused for every value; against the second, arguments
and expressions must match a grammar. A value that a caller sent has no business in an application's arguments at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agi.errors import AgiRefusedValue

MAX_LINE: Final = 2_047
"""Bytes of a command line, line feed included. Asterisk 22.10.1 takes what is beyond 8,191 bytes for the next command
(measured); no command of ours comes near, so the bound stays well below it, for versions with a smaller buffer."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Grammar:
    """A named set of texts. `pattern` must match the whole text."""

    name: str
    pattern: re.Pattern[str]

    def check(self, text: str) -> str:
        """The text itself; raises AgiRefusedValue. The text is not in the message: it may be personal."""
        if not self.pattern.fullmatch(text):
            raise AgiRefusedValue(f"not a {self.name}")
        return text


SAFE: Final = Grammar("safe argument", re.compile(r"[A-Za-z0-9_./:@+^()-]*"))
NUMBER: Final = Grammar("number to dial", re.compile(r"\+?[0-9*#]{1,32}"))
DIAL_STRING: Final = Grammar("dial string", re.compile(r"(?:PJSIP|Local)/[A-Za-z0-9_][A-Za-z0-9_.:@/+-]{0,127}"))
PROMPT: Final = Grammar("prompt", re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,199}"))
RECORDING: Final = Grammar("recording", re.compile(r"(?!.*/\.)(?:/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}){2,12}"))
"""Where Asterisk writes a recording, without suffix: a path from the root on, with no hidden or upward step in it."""
MUSIC_CLASS: Final = Grammar("music class", re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"))
APPLICATION: Final = Grammar(
    # Those run programs or other applications given as text; nothing here ever needs them.
    "application",
    re.compile(r"(?!(?i:(?:Try)?System|ExternalIVR|(?:Try)?Exec|ExecIf|E?AGI)\Z)[A-Za-z][A-Za-z0-9_]{0,39}"),
)
VARIABLE: Final = Grammar(
    "writable variable",
    re.compile(
        r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,78}"
        r"|(?:CALLERID|CDR|CHANNEL|CONFBRIDGE|CONNECTEDLINE|JITTERBUFFER|PJSIP_HEADER|TIMEOUT)\([A-Za-z0-9_,:.-]{1,80}\)"
    ),
)
EXPRESSION: Final = Grammar(
    "readable expression",
    re.compile(
        r"\$\{(?:[A-Za-z_][A-Za-z0-9_]{0,79}"
        r"|(?:CALLERID|CDR|CHANNEL|CONFBRIDGE_INFO|CONNECTEDLINE|DEVICE_STATE|GLOBAL|MASTER_CHANNEL|PJSIP_HEADER"
        r"|PJSIP_HEADERS|QUEUE_MEMBER|QUEUE_WAITING_COUNT|SHARED)\([A-Za-z0-9_,:./@-]{1,120}\))\}"
    ),
)


class Argument(str):
    """An argument of `AgiSession.exec` that its author has checked against a grammar of their own.

    `exec` takes a plain string only if it is `SAFE`; what needs more (`&` between two of our own targets, say) says so
    by its type, where it is made.
    """

    __slots__ = ()

    @classmethod
    def checked(cls, text: str, grammar: Grammar) -> Argument:
        """Raises AgiRefusedValue if `text` is not of the grammar, or holds a control character."""
        return cls(clean(grammar.check(text)))


def clean(text: str) -> str:
    """The text itself; raises AgiRefusedValue for CR, LF, NUL and every other control character."""
    if _CONTROL.search(text):
        raise AgiRefusedValue("control character in a value")
    return text


def safe_argument(text: str) -> str:
    """The text itself if it holds only `[A-Za-z0-9_./:@+^()-]`; raises AgiRefusedValue."""
    return SAFE.check(text)


def dial_string(*targets: str) -> Argument:
    """Targets rung together, each of DIAL_STRING, e.g. `PJSIP/8001` or `PJSIP/110@test`; raises AgiRefusedValue."""
    if not targets:
        raise AgiRefusedValue("nobody to dial")
    return Argument("&".join(DIAL_STRING.check(target) for target in targets))


def arguments(values: tuple[str, ...]) -> str:
    """The arguments of an application joined by commas; raises AgiRefusedValue."""
    return ",".join(clean(value) if isinstance(value, Argument) else SAFE.check(value) for value in values)


def quoted(text: str) -> str:
    """One word of a command line, in quotation marks; `command_line` checks what is in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command_line(text: str) -> bytes:
    """The line as sent, line feed added. The last check before the wire; raises AgiRefusedValue."""
    clean(text)
    try:
        line = text.encode() + b"\n"
    except UnicodeEncodeError:
        raise AgiRefusedValue("lone surrogate in a value") from None
    if len(line) > MAX_LINE:
        raise AgiRefusedValue("command longer than Asterisk reads at once")
    return line
