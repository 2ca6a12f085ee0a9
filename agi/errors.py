"""What can go wrong on a FastAGI session."""

from __future__ import annotations

from typing import ClassVar

from hotline.errors import HotlineError


class AgiError(HotlineError):
    """Base of every error of this package."""

    code: ClassVar[str] = "agi.error"


class AgiRefusedValue(AgiError):
    """A value may not go into AGI text: control characters, a grammar not met, a line too long. Nothing was sent."""

    code = "agi.refused_value"


class AgiHangup(AgiError):
    """The channel is gone (`HANGUP` line or reply 511). Nothing more can be asked of it."""

    code = "agi.hangup"


class AgiConnectionLost(AgiError):
    """Asterisk closed the connection without `HANGUP`, or we did: a redirect, a crash, our own shutdown."""

    code = "agi.connection_lost"


class AgiProtocolError(AgiError):
    """Asterisk answered what AGI does not provide for, or refused the command (510, 520)."""

    code = "agi.protocol"


class AgiCommandFailed(AgiError):
    """The command was understood and failed: result -1 (application, file) or -2 (no such application)."""

    code = "agi.command_failed"


class AgiTimeout(AgiError):
    """No reply in time. The session stays usable: the late reply is dropped when it comes."""

    code = "agi.timeout"


class AgiBadEnvironment(AgiError):
    """The opening header is not one of Asterisk's: a NUL byte, no route."""

    code = "agi.bad_environment"


class AgiHeaderTooLarge(AgiBadEnvironment):
    """The opening header is larger than AgiLimits allows."""

    code = "agi.header_too_large"
