"""One AMI message: the headers between two blank lines."""

from __future__ import annotations


class Message:
    """A reply or an event.

    `fields` holds each header once, except the repeated `ChanVariable` and `DestChanVariable` headers (the
    `channelvars` of manager.conf): these become `variables` and `dest_variables`. A channel variable that is not set
    arrives as an empty one and is left out.
    """

    __slots__ = ("dest_variables", "fields", "variables")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.dest_variables: dict[str, str] = {}

    @classmethod
    def parse(cls, text: str) -> Message:
        """Read a message from its lines. Lines without `: ` are ignored, as Asterisk's own clients do."""
        message = cls()
        fields = message.fields
        for line in text.split("\r\n"):
            header, separator, value = line.partition(": ")
            if not separator:
                continue
            if header == "ChanVariable":
                variable, _, content = value.partition("=")
                if content:
                    message.variables[variable] = content
            elif header == "DestChanVariable":
                variable, _, content = value.partition("=")
                if content:
                    message.dest_variables[variable] = content
            else:
                fields[header] = value
        return message
