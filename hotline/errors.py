"""The root of every error we raise. Each has a stable code; only `web/` knows what HTTP makes of it."""

from __future__ import annotations

from typing import ClassVar


class HotlineError(Exception):
    """Base of all domain errors.

    `code` is stable and machine-readable (`subject.reason`); `detail` is for logs and API clients and must not
    hold personal data. Where a person at a terminal can act on it, `remedy` says what to do next.
    """

    code: ClassVar[str] = "hotline.error"
    wrong: tuple[tuple[str, str], ...] = ()
    """Each part that is at fault, where there are several: (where, why)."""

    def __init__(self, detail: str = "", *, remedy: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.remedy = remedy


class InvalidInput(HotlineError):
    """A value from outside does not have the form its field asks for. Nothing was changed."""

    code = "input.invalid"


class NotFound(HotlineError):
    """No such record."""

    code = "record.not_found"


class Conflict(HotlineError):
    """The record changed meanwhile, or its state does not allow this. Nothing was changed."""

    code = "record.conflict"


class Stale(Conflict):
    """The record is no longer the version that was read. Nothing was changed; read it again."""

    code = "record.stale"


class NotAllowed(HotlineError):
    """The person is known, but may not do this."""

    code = "access.denied"


class NotSignedIn(HotlineError):
    """No valid session."""

    code = "access.unauthenticated"


class TooMany(HotlineError):
    """Asked for too often; the same may be asked again in a minute."""

    code = "access.too_many"


class PartUnavailable(HotlineError):
    """A part we depend on (Asterisk, PostgreSQL, Redis) does not answer now."""

    code = "part.unavailable"


class SettingsError(HotlineError):
    """`hotline.toml` cannot be used as it stands."""

    code = "settings.invalid"
