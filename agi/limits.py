"""Bounds of the FastAGI server: whatever a peer sends, memory and time are limited."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgiLimits:
    """Sizes in bytes, times in seconds. Asterisk's own header is about 40 lines and 1 kB."""

    env_bytes: int = 32_768
    env_lines: int = 256
    line_bytes: int = 8_192
    reply_bytes: int = 65_536
    """A reply may hold a channel variable, so it is larger than a line of the header."""
    stray_lines: int = 100
    """Lines that answer nothing, before the session is given up."""
    env_deadline: float = 5.0
    """From connect to a complete header; a session that takes longer is dropped."""
    command_timeout: float = 5.0
    """From the call of a command to its reply, waiting for the previous one included. Not for `exec`."""
    prompt_timeout: float = 600.0
    """The same for playing a prompt, which lasts as long as the prompt does."""
    hangup_grace: float = 0.1
    """How long a result of -1 waits for the `HANGUP` line that tells a hang-up from a failure."""
    sessions: int = 2_000
    """Calls at once; more are closed at once, and the dialplan tries the next voice process."""
    half_open: int = 500
    """Connections at once whose header is not complete."""
    ending: float = 2.0
    """After the drain of an orderly stop: how long cancelled handlers may take to end."""
