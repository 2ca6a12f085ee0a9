"""A lint over dialplan text: nothing a caller sends may become a command, and no pattern may dial what a caller chose.

It reads the rendered lines as Asterisk does: extension, priority, application, arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_OURS: Final = re.compile(r"HL_[A-Z_]+(?::-?\d+){0,2}")
_PLAIN: Final = frozenset(
    {"EPOCH", "UNIQUEID", "QUEUESTATUS", "QUEUESTATUS:0:4", "QUEUESTATUS:0:5", "AGISTATUS", "DIALSTATUS", "HANGUPCAUSE"}
    # What a Gosub of ours was given: linted where it stands, or a call id (`hotline.ids`) in the options of a Dial.
    | {"ARG1"}
)
# Functions whose value is ours, whatever they read. FILTER only with digits as what it lets through.
_FUNCTIONS: Final = re.compile(
    r"(CUT|FIELDQTY)\(HL_[A-Z]+,.*\)|STRFTIME\(,,[^$]*\)|RAND\([0-9]+,[0-9]+\)|CHANNEL\(endpoint\)"
    r"|CONFBRIDGE_INFO\(marked,\$\{HL_CALL\}\)"
)
_CLEANED: Final = frozenset({"FILTER(0-9,${EXTEN})", "FILTER(0-9A-Za-z.\\x2d,${PJSIP_HEADER(read,X-HL-Call)})"})
"""What a caller dialled, and the call id another host of the site sent: letters that mean nothing here are left."""
_COUNTED: Final = re.compile(r"LEN\(.*\)")
"""A number, whatever is counted."""
_DIALLING: Final = frozenset({"dial", "originate", "retrydial", "page", "transfer", "followme", "bridge"})
_RUNNING: Final = frozenset(
    {"system", "trysystem", "externalivr", "exec", "execif", "tryexec", "eagi", "deadagi", "dbput"}
)
_LINE: Final = re.compile(r"(exten|same)\s*=>?\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One priority of the dialplan. `line` counts from 1."""

    line: int
    context: str
    extension: str
    application: str
    arguments: str


@dataclass(frozen=True)
class Finding:
    """Something unsafe, with its line."""

    line: int
    fault: str

    def __str__(self) -> str:
        return f"extensions.conf:{self.line}: {self.fault}"


def steps(text: str) -> Iterator[Step]:
    """The priorities in their order. Raises ValueError for a line that cannot be read."""
    context = extension = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(?<!\\);.*", "", raw).strip()
        if line.startswith("["):
            context = line[1 : line.index("]")]
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        body = found.group(2)
        if found.group(1).lower() == "exten":
            extension, _, body = _extension(body)
        _, comma, call = body.partition(",")
        application, bracket, rest = call.partition("(")
        if not comma or not extension or (bracket and not rest.endswith(")")):
            raise ValueError(f"line {number} is no dialplan line")
        yield Step(number, context, extension, application.strip(), rest[:-1])


def lint(text: str) -> list[Finding]:
    """Every unsafe place in a rendered extensions.conf; empty when there is none."""
    found = []
    for step in steps(text):
        found += [Finding(step.line, fault) for fault in (*_pattern_faults(step), *_value_faults(step))]
    return found


def _extension(body: str) -> tuple[str, str, str]:
    """The extension of an `exten` line: up to the first comma outside a character class."""
    inside = False
    for place, letter in enumerate(body):
        if letter == "[":
            inside = True
        elif letter == "]":
            inside = False
        elif letter == "," and not inside:
            return body[:place].strip(), ",", body[place + 1 :]
    return body, "", ""


def _pattern_faults(step: Step) -> Iterator[str]:
    if not step.extension.startswith("_"):
        return
    outside = re.sub(r"\[[^]]*\]", "-", step.extension[1:])
    for letter in outside:
        if letter in "xzn":
            yield f"lower-case {letter} in pattern {step.extension} is a wildcard, not a letter"
    if outside.startswith((".", "!")):
        yield f"pattern {step.extension} matches the special extensions too"
    if step.application.lower() in _DIALLING:
        yield f"pattern {step.extension} dials"


def _value_faults(step: Step) -> Iterator[str]:
    name = step.application.lower()
    if name in _RUNNING:
        yield f"{step.application} runs commands or turns text into code"
    if name in _DIALLING and "$" in step.arguments.partition(",")[0]:
        yield f"{step.application} takes its target from a variable"
    for expression in _substitutions(step.arguments):
        if expression in _CLEANED or _COUNTED.fullmatch(expression):
            continue
        if not (_OURS.fullmatch(expression) or expression in _PLAIN or _FUNCTIONS.fullmatch(expression)):
            yield f"${{{expression}}} may hold what a caller chose"


def _substitutions(text: str) -> Iterator[str]:
    """What stands inside each outermost `${...}`; those inside one that is not cleaned come too."""
    at = text.find("${")
    while at != -1:
        depth, end = 1, at + 2
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        inner = text[at + 2 : end - 1]
        yield inner
        if inner not in _CLEANED and not _COUNTED.fullmatch(inner):
            yield from _substitutions(inner)
        at = text.find("${", end)
