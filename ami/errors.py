"""What can go wrong between us and Asterisk's manager interface (AMI)."""

from __future__ import annotations

from hotline.errors import HotlineError, InvalidInput, PartUnavailable


class AmiError(HotlineError):
    """Base of all AMI errors."""

    code = "ami.error"


class AmiDisconnected(AmiError, PartUnavailable):
    """There is no connection, or it was lost before the answer came. The action may or may not have been carried out;
    it is never sent again by itself."""

    code = "ami.disconnected"


class AmiTimeout(AmiError, PartUnavailable):
    """Asterisk did not answer in time. The action may still be carried out."""

    code = "ami.timeout"


class AmiRefused(AmiError):
    """Asterisk answered the action with an error; `message` is its text, for people, never to be parsed."""

    code = "ami.refused"

    def __init__(self, message: str = "", *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.message = message


class AmiRefusedValue(AmiError, InvalidInput):
    """We refused to send a value: it does not have the form of its field. Names the field, never the value."""

    code = "ami.refused_value"


class AmiLoginFailed(AmiRefused, PartUnavailable):
    """Asterisk knows no such manager user, or the secret or address is wrong."""

    code = "ami.login_failed"


class AmiProtocolError(AmiError):
    """The far side does not speak AMI, or breaks its rules."""

    code = "ami.protocol"
