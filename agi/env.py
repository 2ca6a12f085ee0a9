"""The header (environment) Asterisk sends when it opens a session: `agi_*: value` lines up to an empty one.

Asterisk writes the caller's number into it as it came, with `%0a` of the SIP user part decoded: a line feed in it
begins a line of the caller's own making, and an empty one ends the header early (seen on 22.10.1). What we rely on is
therefore read by its place. Asterisk 22 writes (`launch_netscript`, `setup_env` in res_agi.c):

    agi_network, agi_network_script, agi_request, agi_channel, agi_language, agi_type, agi_uniqueid, agi_version,
    [caller's: agi_callerid, agi_calleridname, ..., agi_dnid, agi_rdnis, agi_context, agi_extension], agi_priority,
    agi_enhanced, agi_accountcode, agi_threadid, agi_arg_1, agi_arg_2, ...

What precedes the caller's fields is true where it is first; what follows them where it is last; and the arguments
are those after the last agi_threadid. The true end is found by the connection, see `AgiConnection`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from agi.errors import AgiBadEnvironment, AgiHeaderTooLarge
from agi.limits import AgiLimits
from agi.variables import ODD

_LINE = re.compile(rb"(agi_[a-z0-9_]{1,40}):(?: (.*))?", re.S)
_ARGUMENT = re.compile(r"agi_arg_([1-9][0-9]{0,2})")
_PRESENTED = re.compile(r"[A-Za-z0-9+*#._ -]*")
"""A number, or the user name or word some trunks put in its place."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AFTER_THE_CALLERS = frozenset({"agi_priority", "agi_enhanced", "agi_accountcode", "agi_threadid"})


class EnvReader:
    """Takes the lines of a header one by one; any bytes are tolerated but NUL."""

    def __init__(self, limits: AgiLimits) -> None:
        self._limits = limits
        self._env: dict[str, str] = {}
        self._arguments: dict[int, str] = {}
        self.lines = 0
        self._bytes = 0
        self.injected = False
        """Whether there were lines that Asterisk does not write."""
        self.odd_bytes = False
        """Whether something was not UTF-8."""

    def take(self, line: bytes) -> None:
        """One line without its line feed. Raises AgiHeaderTooLarge, or AgiBadEnvironment for NUL."""
        self.lines += 1
        self._bytes += len(line) + 1
        if (
            self.lines > self._limits.env_lines
            or len(line) > self._limits.line_bytes
            or self._bytes > self._limits.env_bytes
        ):
            raise AgiHeaderTooLarge()
        if b"\0" in line:
            raise AgiBadEnvironment("NUL in the header")
        match = _LINE.fullmatch(line)
        if match is None:
            self.injected = True
            return
        key, value = match[1].decode("ascii"), self._decoded(match[2] or b"")
        argument = _ARGUMENT.fullmatch(key)
        if argument is not None:
            self.injected |= int(argument[1]) in self._arguments
            self._arguments[int(argument[1])] = value
            return
        if key == "agi_threadid":
            self._arguments.clear()
        self.injected |= key in self._env
        if key in _AFTER_THE_CALLERS or key not in self._env:
            self._env[key] = value

    def _decoded(self, value: bytes) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            self.odd_bytes = True
            return value.decode(errors="replace")

    @property
    def odd_caller(self) -> bool:
        """Whether the caller's number is no number, or a control character is in the caller's number or name.

        The dialplan looks first and then says so in an argument, because both would also be in AMI's events.
        """
        if ODD in self.args[5:6]:
            return True
        number, name = self._env.get("agi_callerid", ""), self._env.get("agi_calleridname", "")
        return not _PRESENTED.fullmatch(number) or _CONTROL.search(name) is not None

    @property
    def env(self) -> Mapping[str, str]:
        """Everything but the arguments."""
        return MappingProxyType(self._env)

    @property
    def args(self) -> tuple[str, ...]:
        """agi_arg_1, agi_arg_2, ... as far as they are consecutive."""
        found: list[str] = []
        while (number := len(found) + 1) in self._arguments:
            found.append(self._arguments[number])
        return tuple(found)

    @property
    def route(self) -> str:
        """The path of the FastAGI URL, without slashes around it; raises AgiBadEnvironment if there is none."""
        route = self._env.get("agi_network_script", "").strip("/")
        if not route:
            raise AgiBadEnvironment("no agi_network_script")
        return route
