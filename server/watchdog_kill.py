"""Ending a voice process that hangs: by its id, and only if the id is still that process."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path


def kill_voice(pid: int, process: str) -> bool:
    """SIGKILL `pid` if it is `hotline run voice --name <process>`; whether it was.

    The handle is taken before the look at /proc, so that an id given to another program meanwhile is never hit.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not is_voice(pid, process):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def is_voice(pid: int, process: str) -> bool:
    """Whether the command line of `pid` is that of the voice process."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    named = f"--name={process}" in arguments or any(
        option == "--name" and value == process for option, value in itertools.pairwise(arguments)
    )
    return "run" in arguments and "voice" in arguments and named


def pid_in_file(path: Path) -> int | None:
    """The process id a pid file names, or None."""
    try:
        return int(path.read_text().strip())
    except (OSError, ValueError):
        return None
