"""The form each value must have before it goes into AMI text.

AMI is lines: a CR or LF inside a value is a header, or a whole action, of somebody else's making. Beyond that several
fields have a language of their own (measured on Asterisk 22): `Hangup` reads a channel name that starts with `/` as a
regular expression over all channels, `Originate` splits a `Variable` at commas, `&` in a dial string forks the call,
and `;` and `|` separate the stored fields of a queue member.
"""

from __future__ import annotations

import re
from typing import Final

from ami.errors import AmiRefusedValue

LINE_LIMIT: Final = 1000
"""Bytes of one `Name: value` line. Asterisk refuses the whole action from 1,024 on ("line too long")."""

HEADER_LIMIT: Final = 100
"""Headers of one action. Asterisk refuses more than 126 beside Action and ActionID."""

FUNCTIONS: Final = frozenset(
    {
        "CALLERID",
        "CHANNEL",
        "CONFBRIDGE",
        "DEVICE_STATE",
        "JITTERBUFFER",
        "MASTER_CHANNEL",
        "PJSIP_AOR",
        "PJSIP_HEADER",
        "SHARED",
    }
)
"""Dialplan functions that may stand where a variable does. None of them reaches a shell, a file or the database."""

CHANNEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@/+:;<>*#=-]{0,149}")
"""A channel's name (`PJSIP/8001-0000000a`, `Local/s@hl-resume-00000001;2`) or its unique id."""
CHANNEL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
CONTEXT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,78}")
EXTENSION: Final = re.compile(r"[A-Za-z0-9*#+][A-Za-z0-9*#+_.-]{0,78}")
PRIORITY: Final = re.compile(r"[1-9][0-9]{0,8}|[A-Za-z][A-Za-z0-9_-]{0,78}")
VARIABLE: Final = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,78}")
FUNCTION: Final = re.compile(r"([A-Z][A-Z0-9_]{0,39})\([A-Za-z0-9_.,:@/-]{0,200}\)")
VALUE: Final = re.compile(r"[^\x00-\x1f\x7f\u2028\u2029]{0,900}")
ORIGINATE_VALUE: Final = re.compile(r"[^\x00-\x1f\x7f\u2028\u2029,\"\\()\[\]|;]{0,900}")
QUEUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,78}")
INTERFACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}[/:][A-Za-z0-9*#+][A-Za-z0-9_.@/:*#+-]{0,126}")
"""A device or dial string: `PJSIP/8001`, `PJSIP/8001@trunk`, `Local/s@ctx/n`, `Custom:seat`."""
MEMBER: Final = re.compile(r"[\w.@/-][\w .@/-]{0,63}")
REASON: Final = re.compile(r"[\w .:/-]{0,64}")
APPLICATION: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
APPLICATION_DATA: Final = re.compile(r"[A-Za-z0-9_.,:@/()*#+= -]{0,500}")
CALLER_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")


def checked(field: str, form: re.Pattern[str], value: str) -> str:
    """`value`, if the whole of it has the form; raises AmiRefusedValue naming the field."""
    if not form.fullmatch(value):
        raise AmiRefusedValue(f"not a {field}")
    return value


def variable(value: str) -> str:
    """A channel or global variable, or one of the dialplan functions we use; raises AmiRefusedValue."""
    function = FUNCTION.fullmatch(value)
    if function is not None and function[1] in FUNCTIONS:
        return value
    return checked("variable", VARIABLE, value)


def whole_number(field: str, value: int, lowest: int, highest: int) -> str:
    """A number within its bounds, as text; raises AmiRefusedValue."""
    if not lowest <= value <= highest:
        raise AmiRefusedValue(f"not a {field}")
    return str(value)


def check_line(header: str, value: str) -> None:
    """The last gate before the wire, for every header of every action: no CR, LF or NUL, encodable, not too long.

    Raises AmiRefusedValue.
    """
    if "\r" in value or "\n" in value or "\0" in value:
        raise AmiRefusedValue(f"line break or NUL in {header}")
    try:
        size = len(header) + 2 + len(value.encode())
    except UnicodeEncodeError:
        raise AmiRefusedValue(f"{header} is not text") from None
    if size > LINE_LIMIT:
        raise AmiRefusedValue(f"{header} is too long")
