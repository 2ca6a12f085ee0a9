"""Identifiers that cross floors, with the grammar each must have.

They travel through AGI text, AMI headers and Redis members, so their alphabet is narrow on purpose.
"""

from __future__ import annotations

import re
import secrets

from hotline.errors import InvalidInput

_CALL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}-[0-9]{1,12}\.[0-9]{1,9}")
_AGENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_EXTENSION = re.compile(r"[0-9]{2,8}")
_PROCESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}/[a-z0-9][a-z0-9_-]{0,31}")
_GROUP = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def _checked(kind: str, pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise InvalidInput(f"not a {kind}")
    return text


def call_id(text: str) -> str:
    """`<systemname>-<uniqueid>` as the dialplan writes it into HL_CALL; raises InvalidInput."""
    return _checked("call id", _CALL, text)


def agent_id(text: str) -> str:
    """A work number (工号): lower-case letters, digits, `-`, `_`, at most 32; raises InvalidInput."""
    return _checked("work number", _AGENT, text)


def is_agent_id(text: str) -> bool:
    """Whether this can be a work number at all: tickets are registered by people without one, and by platforms too."""
    return _AGENT.fullmatch(text) is not None


def extension(text: str) -> str:
    """A seat's extension (分机): 2 to 8 digits; raises InvalidInput."""
    return _checked("extension", _EXTENSION, text)


def process_id(text: str) -> str:
    """`<asterisk host>/<process>`, e.g. `ast1/voice-1`; raises InvalidInput."""
    return _checked("process id", _PROCESS, text)


def group_id(text: str) -> str:
    """A skill group such as `general` or `expert-12333`; raises InvalidInput."""
    return _checked("skill group", _GROUP, text)


def token(nbytes: int = 32) -> str:
    """An unguessable URL-safe token."""
    return secrets.token_urlsafe(nbytes)
