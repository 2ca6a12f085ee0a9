"""How a browser phone proves who it is without ever knowing its extension's password.

The page has a password of its session alone. What it proves with that is proved anew with the extension's own before
it goes on to Asterisk (RFC 7616, MD5 with qop=auth, which is what Asterisk asks for): a password that leaks from a
page opens nothing without the session it belongs to, and ends with it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from typing import Final

from web.phone.messages import NotThisPhone, Said, parameters

_PROOFS: Final = ("authorization", "proxy-authorization")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_QUOTED: Final = ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque")


def session_password(extension_password: str, session_id: int) -> str:
    """What the page of this session proves its extension with."""
    name = f"browser session {session_id}".encode()
    return hmac.new(extension_password.encode(), name, hashlib.sha256).hexdigest()[:32]


def proved_anew(said: Said, *, known: str, real: str) -> Said:
    """The message with each proof made with `real`, if it was right with `known`. Raises NotThisPhone."""
    headers = [
        (name, _anew(value, said.method, known=known, real=real) if name in _PROOFS else value)
        for name, value in said.headers
    ]
    return replace(said, headers=headers)


def _anew(credentials: str, method: str, *, known: str, real: str) -> str:
    given = parameters(credentials)
    try:
        right = _response(given, method, known)
        shown = given["response"]
        anew = given | {"response": _response(given, method, real)}
    except KeyError:
        raise NotThisPhone("a part of the proof is missing") from None
    if not _HEX.fullmatch(shown) or not hmac.compare_digest(shown, right):
        raise NotThisPhone("the proof is not this session's")
    return "Digest " + ", ".join(
        f'{name}="{value}"' if name in _QUOTED else f"{name}={value}" for name, value in anew.items()
    )


def _response(given: dict[str, str], method: str, password: str) -> str:
    if given.get("algorithm", "MD5").upper() != "MD5" or given.get("qop", "auth") != "auth":
        raise NotThisPhone("the proof is of a kind that Asterisk does not ask for")
    secret = _md5(f"{given['username']}:{given['realm']}:{password}")
    what = _md5(f"{method}:{given['uri']}")
    middle = f"{given['nc']}:{given['cnonce']}:auth:" if "qop" in given else ""
    return _md5(f"{secret}:{given['nonce']}:{middle}{what}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
