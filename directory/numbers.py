"""One normaliser for telephone numbers, however a citizen, a carrier or an operator writes them.

A number inside the house has one of two forms: a national short code as dialled (`110`, `12345`, `96119`), or E.164
with its plus (`+8613812345678`, `+863982812345`). A short code of another city keeps that city's area code
(`+8637112345` is Zhengzhou's 12345, not ours).

Sources: the numbering of the public network (电信网编号计划), RFC 3966 (tel URI, visual separators, phone-context),
RFC 3261 section 19 (SIP URI).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from directory.modes import EMERGENCY_NUMBERS
from hotline.errors import InvalidInput

_LONGEST = 256

# Full-width forms as Chinese input methods type them; nothing else is folded, so that ² or ① never become digits.
_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20}
# Visual separators, and the invisible direction marks that phones put around a copied number.
_SEPARATORS = re.compile("[ \u00a0\u2000-\u200f\u202a-\u202f\u2060\ufeff\\-.()\u2010-\u2015\u2212\u00b7]")
_DIGITS = re.compile(r"\+?[0-9]{3,17}")

_SHORT = r"(?:1[0-2][0-9]|1[0-2][0-9]{3}|11[0-9]{4}|95[0-9]{3,6}|96[0-9]{3,4})"
_AREA = r"(?:10|2[0-9]|[3-9][0-9]{2})"
_SHORT_CODE = re.compile(_SHORT)
_AREA_SHORT = re.compile(_AREA + _SHORT)
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(_AREA + r"[2-9][0-9]{6,7}")
_FREEPHONE = re.compile(r"[48]00[0-9]{7}")
_LOCAL = re.compile(r"[2-8][0-9]{6,7}")
_FOREIGN = re.compile(r"(?!86)[1-9][0-9]{6,14}")

_WITHHELD = frozenset({"", "anonymous", "unknown", "restricted", "private", "withheld", "unavailable"})


class InvalidNumber(InvalidInput):
    """Not a telephone number in any form we know. The text itself is not repeated: it may be personal."""

    code = "number.invalid"


class CallerKind(StrEnum):
    """What is known of a caller's number."""

    KNOWN = "known"
    WITHHELD = "withheld"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller's number, or why there is none. `number` is set exactly when `kind` is KNOWN."""

    kind: CallerKind
    number: str | None = None


def normalise(dialled: str, area_code: str) -> str:
    """`dialled` as a short code or E.164. `area_code` is the city's own, with or without its 0.

    Takes the number as dialled, with area code (with or without 0), with +86, 0086 or a bare 86, as SIP or tel URI or
    name-addr, with full-width digits and visual separators. `39812345` is read as area code and 12345, not as an
    eight-digit local number. Raises InvalidNumber.
    """
    number = _digits(dialled)
    area = area_code.removeprefix("0")
    if number.startswith("+"):
        return _international(number[1:], area)
    if number.startswith("00"):
        return _international(number[2:], area)
    if number.startswith("0"):
        return _national(number[1:], area, with_short=False)
    if _SHORT_CODE.fullmatch(number):
        return number
    if _own_short_code(number, area):
        return number[len(area) :]
    # Carriers send 86... without its plus; shorter ones are local numbers that happen to begin with 86.
    if number.startswith("86") and len(number) >= 9:
        return _national(number[2:], area, with_short=False)
    if _LOCAL.fullmatch(number):
        return f"+86{area}{number}"
    return _national(number, area, with_short=False)


def caller(presented: str | None, area_code: str) -> Caller:
    """A caller's number as the network presented it. Never raises: a call is served whatever its caller id says."""
    try:
        user = _user_part((presented or "").translate(_WIDTH))[0].strip().strip('"<>').lower()
        if user in _WITHHELD or user.endswith(".invalid"):
            return Caller(CallerKind.WITHHELD)
        return Caller(CallerKind.KNOWN, normalise(presented or "", area_code))
    except InvalidNumber:
        return Caller(CallerKind.UNREADABLE)


def subscriber_digits(number: str) -> str | None:
    """The digits that reach a mainland subscriber from within the country, of a number in E.164: a mobile as it is, a
    landline with 0 and its area code. None for every other number: short codes, freephone, abroad."""
    national = number.removeprefix("+86")
    # 400 and 800 would pass for area codes.
    if national == number or _FREEPHONE.fullmatch(national):
        return None
    if _MOBILE.fullmatch(national):
        return national
    return f"0{national}" if _LANDLINE.fullmatch(national) else None


def dial_digits(number: str) -> str | None:
    """The digits under which a unit's office is dialled: a mainland subscriber, or a short code that is no emergency's
    (110, 119, 120, 122). None for what is never dialled for a unit: freephone, abroad, emergency desks."""
    if _SHORT_CODE.fullmatch(number):
        return None if number in EMERGENCY_NUMBERS else number
    return subscriber_digits(number)


def _digits(text: str) -> str:
    if len(text) > _LONGEST:
        raise InvalidNumber("too long for a telephone number")
    user, context = _user_part(text.translate(_WIDTH))
    number = _SEPARATORS.sub("", user)
    # RFC 3966: a local number in a global context (`tel:12345;phone-context=+86398`).
    if context.startswith("+") and not number.startswith(("+", "0")):
        number = _SEPARATORS.sub("", context) + number
    if not _DIGITS.fullmatch(number):
        raise InvalidNumber("not a telephone number")
    return number


def _user_part(text: str) -> tuple[str, str]:
    """The user part of a SIP or tel URI (or of a bare number) and its phone-context."""
    bracketed = re.search(r"<([^<>]*:[^<>]*)>", text)
    if bracketed:
        text = bracketed[1]
    scheme, colon, rest = text.partition(":")
    if colon:
        if scheme.strip().lower() not in {"sip", "sips", "tel"}:
            raise InvalidNumber("neither a SIP nor a tel URI")
        text = rest
    user, *parameters = text.partition("@")[0].partition(":")[0].split(";")
    contexts = [value for name, _, value in (p.partition("=") for p in parameters) if name.lower() == "phone-context"]
    return unquote(user), unquote(contexts[0]) if contexts else ""


def _international(number: str, area: str) -> str:
    if number.startswith("86"):
        return _national(number[2:].removeprefix("0"), area, with_short=True)
    if _FOREIGN.fullmatch(number):
        return f"+{number}"
    raise InvalidNumber("not an international number")


def _own_short_code(number: str, area: str) -> bool:
    return number.startswith(area) and _SHORT_CODE.fullmatch(number, len(area)) is not None


def _national(number: str, area: str, *, with_short: bool) -> str:
    """A number without country code and without the leading 0. `with_short`: a bare short code is one too."""
    if _own_short_code(number, area):
        return number[len(area) :]
    # Before the bare short codes: 10110 after +86 is Beijing's 110.
    if any(form.fullmatch(number) for form in (_AREA_SHORT, _MOBILE, _LANDLINE, _FREEPHONE)):
        return f"+86{number}"
    if with_short and _SHORT_CODE.fullmatch(number):
        return number
    raise InvalidNumber("not a national number")
