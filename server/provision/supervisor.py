"""supervisord: its configuration, and talking to it over its socket."""

from __future__ import annotations

import http.client
import math
import os
import resource
import shlex
import signal
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from hotline.errors import PartUnavailable, SettingsError
from server.provision.proc import MARK

_LONGEST_SOCKET_PATH = 107
"""Bytes of a unix socket's path, less its closing NUL (unix(7))."""

_OPEN_FILES = 16_384


@dataclass(frozen=True)
class Entry:
    """One program as supervisord runs it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: signal.Signals
    stop_seconds: float


@dataclass(frozen=True)
class State:
    """What supervisord says of a program. `name` is its state: RUNNING, STARTING, BACKOFF, STOPPED, FATAL ..."""

    program: str
    name: str
    pid: int
    since: int
    """Seconds since 1970-01-01 UTC."""
    detail: str


def socket_file(var_dir: Path) -> Path:
    """supervisord's socket. Raises SettingsError where the folder's path is too long for one."""
    file = var_dir.resolve() / "run" / "supervisor.sock"
    # supervisord binds to a temporary name with its pid first.
    if len(os.fsencode(file)) + len(".4194304") > _LONGEST_SOCKET_PATH:
        raise SettingsError(
            f"var_dir: {file.parent.parent} is too long a path for sockets", remedy="set a shorter var_dir"
        )
    return file


def pid_file(var_dir: Path) -> Path:
    return var_dir / "run" / "supervisord.pid"


def write(var_dir: Path, directory: Path) -> Path:
    """Write supervisord.conf and return it. Programs stand in files of their own beside it, see `write_program`."""
    var = var_dir.resolve()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    lines = [
        "; Written by `hotline up`; changes here are lost. See server/provision/supervisor.py.",
        "[unix_http_server]",
        f"file={_escaped(socket_file(var_dir))}",
        "chmod=0600",
        "[supervisord]",
        f"logfile={_escaped(var / 'log' / 'supervisord.log')}",
        "logfile_maxbytes=10MB",
        "logfile_backups=3",
        f"pidfile={_escaped(pid_file(var))}",
        f"childlogdir={_escaped(var / 'log')}",
        f"directory={_escaped(directory)}",
        "nocleanup=true",
        "umask=022",
        # Every call holds a socket or two.
        f"minfds={_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)}",
        f"environment={_environment({MARK: str(var)})}",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[include]",
        f"files={_escaped(_programs_folder(var_dir))}/*.conf",
    ]
    file = var_dir / "run" / "supervisord.conf"
    file.write_text("\n".join(lines) + "\n")
    _programs_folder(var_dir).mkdir(exist_ok=True)
    return file


def _programs_folder(var_dir: Path) -> Path:
    return var_dir.resolve() / "run" / "programs"


def forget_programs(var_dir: Path) -> None:
    """Remove all programs' files: for a supervisor that starts afresh."""
    for file in _programs_folder(var_dir).glob("*.conf"):
        file.unlink()


def write_program(var_dir: Path, directory: Path, entry: Entry) -> None:
    """Write a program's file.

    Nothing starts by itself: `Stack` starts in order and waits for each to be ready. A program that ends is started
    again at once; one that cannot start is tried again after 1, 2, 3 ... seconds, for days, because what it waits for
    may come back.
    """
    var = var_dir.resolve()
    lines = [
        f"[program:{entry.name}]",
        f"command={_escaped(shlex.join(entry.argv))}",
        f"directory={_escaped(directory)}",
        f"environment={_environment({**entry.environment, MARK: str(var)})}",
        "autostart=false",
        "autorestart=true",
        "startsecs=1",
        "startretries=1000000",
        f"stopsignal={entry.stop_signal.name.removeprefix('SIG')}",
        f"stopwaitsecs={math.ceil(entry.stop_seconds)}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_escaped(log_file(var, entry.name))}",
        "stdout_logfile_maxbytes=20MB",
        "stdout_logfile_backups=5",
    ]
    (_programs_folder(var_dir) / f"{entry.name}.conf").write_text("\n".join(lines) + "\n")


def log_file(var_dir: Path, program: str) -> Path:
    """What the program prints."""
    return var_dir / "log" / f"{program}.log"


def _escaped(text: object) -> str:
    """A value as supervisord reads it: `%` is doubled; what would begin a comment is refused (SettingsError)."""
    value = str(text)
    if " ;" in value or " #" in value or "\n" in value:
        raise SettingsError(f"{value!r} cannot stand in supervisord.conf", remedy="use a path without ` ;` and ` #`")
    return value.replace("%", "%%")


def _environment(variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        if '"' in value or "\n" in value:
            raise SettingsError(f"{name} holds a quote or a line break", remedy="use a path without them")
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in variables.items())


class Supervisor:
    """supervisord of one line, over its socket. Raises PartUnavailable when it does not answer."""

    def __init__(self, var_dir: Path) -> None:
        self._socket = socket_file(var_dir)

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport, allow_none=True)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise PartUnavailable(
                f"the supervisor does not answer ({type(error).__name__})", remedy="hotline up"
            ) from error
        finally:
            transport.close()

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            self._call("getPID")
        except PartUnavailable:
            return False
        return True

    def states(self) -> dict[str, State]:
        """Every program's state by its name."""
        return {
            row["name"]: State(row["name"], row["statename"], row["pid"], row["start"], row["spawnerr"])
            for row in self._call("getAllProcessInfo")
        }

    def start(self, program: str) -> None:
        """Ask for a start; does not wait. One that runs stays as it is."""
        self._tolerating(Faults.ALREADY_STARTED, "startProcess", program, False)

    def stop(self, program: str) -> None:
        """Ask for an orderly stop; does not wait. One that does not run stays as it is."""
        self._tolerating(Faults.NOT_RUNNING, "stopProcess", program, False)

    def reload(self) -> None:
        """Read the configuration again: new programs become known, dropped and changed ones are ended and removed.

        A program whose entry did not change is not touched.
        """
        added, changed, removed = self._call("reloadConfig")[0]
        for program in (*removed, *changed):
            self._call("stopProcessGroup", program)
            self._call("removeProcessGroup", program)
        for program in (*added, *changed):
            self._call("addProcessGroup", program)

    def shutdown(self) -> None:
        """End it with all it runs."""
        self._call("shutdown")

    def _tolerating(self, fault: int, method: str, *arguments: Any) -> None:
        try:
            self._call(method, *arguments)
        except xmlrpc.client.Fault as error:
            if error.faultCode != fault:
                raise PartUnavailable(
                    f"the supervisor cannot {method} {arguments[0]}: {error.faultString}", remedy="hotline doctor"
                ) from error
