"""One running Asterisk: started in the foreground, asked over its control socket, stopped and waited for."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Final

from hotline.errors import PartUnavailable
from server.asterisk.layout import Layout

START_SECONDS: Final = 30.0
"""Longest wait for a fresh Asterisk to be fully booted."""

_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05


def cli(layout: Layout, command: str, *, timeout: float = 10.0) -> str:
    """Run one CLI command on the running instance. Raises PartUnavailable when it does not answer."""
    try:
        done = subprocess.run(
            layout.command("-rx", command),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise PartUnavailable(f"Asterisk {layout.instance} does not answer on its control socket") from None
    if done.returncode != 0:
        raise PartUnavailable(f"Asterisk {layout.instance} does not run")
    return done.stdout


@contextlib.contextmanager
def running(layout: Layout, argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Asterisk, fully booted inside the `with` block and gone after it. Raises PartUnavailable if it never is."""
    with (layout.home / "console.log").open("wb") as console:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd="/")
    try:
        _wait_booted(layout, process)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it: SIGTERM, and SIGKILL if that is not heard."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_booted(layout: Layout, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    socket = layout.run / "asterisk.ctl"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (layout.home / "console.log").read_text(errors="replace")[-2000:]
            raise PartUnavailable(f"Asterisk ended at start with status {process.returncode}: {said}")
        if socket.exists():
            with contextlib.suppress(PartUnavailable):
                if "fully booted" in cli(layout, "core waitfullybooted", timeout=START_SECONDS):
                    return
        time.sleep(_POLL_SECONDS)
    raise PartUnavailable(f"Asterisk {layout.instance} was not up after {START_SECONDS:.0f} s")
