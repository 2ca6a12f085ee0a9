"""Where an Asterisk instance lives, seen from the host and from inside the unpacked root. The one place that maps them.

Several instances run side by side from one unpacked root: each has a home of its own inside it, `/hl/<instance>`,
and nothing is bind-mounted. An Asterisk of the system (20 or newer) is run with the same home, outside any root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from hotline.errors import PartUnavailable
from hotline.settings import Settings

ROOT_DIRECTORY: Final = "asterisk-root"
"""Name of the unpacked root under `var/`."""

OLDEST: Final = 20
"""Oldest major version of Asterisk we run on."""

_INSTANCE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")
_MODULES: Final = ("usr/lib/*-linux-gnu*/asterisk/modules", "usr/lib64/asterisk/modules", "usr/lib/asterisk/modules")
_DATA: Final = ("usr/share/asterisk", "var/lib/asterisk")
# Numeric, because the unpacked root has no passwd file; above what adduser and Debian's packages hand out.
_UNPRIVILEGED: Final = 61212


@dataclass(frozen=True)
class Layout:
    """One instance. `home` is a host path; `root` is the unpacked root, or None for the system's Asterisk.

    All other properties are host paths; `inside` says how Asterisk itself names them.
    """

    instance: str
    home: Path
    root: Path | None

    def __post_init__(self) -> None:
        if not _INSTANCE.fullmatch(self.instance):
            raise PartUnavailable(f"{self.instance!r} is no name for an Asterisk instance")

    def inside(self, host: Path) -> str:
        """The path Asterisk and its scripts use for a host path. Raises ValueError for one outside the root."""
        if self.root is None:
            return str(host)
        return str(PurePosixPath("/") / host.relative_to(self.root).as_posix())

    @property
    def etc(self) -> Path:
        """Rendered configuration files."""
        return self.home / "etc"

    @property
    def var(self) -> Path:
        """What must survive a restart: astdb with the queue members."""
        return self.home / "var"

    @property
    def share(self) -> Path:
        """Asterisk's data directory: sounds and its own documentation."""
        return self.home / "share"

    @property
    def sounds(self) -> Path:
        """What Asterisk plays, by folder."""
        return self.share / "sounds"

    @property
    def prompts(self) -> Path:
        """Our prompts; `hotline/<key>` in the dialplan."""
        return self.sounds / "hotline"

    @property
    def tones(self) -> Path:
        """Tones as sound files, beside the prompts."""
        return self.sounds / "tones"

    @property
    def music(self) -> Path:
        """Files of music class `hl`."""
        return self.home / "music"

    @property
    def agi_bin(self) -> Path:
        """Classic AGI scripts with the Python packages they need."""
        return self.home / "agi-bin"

    @property
    def spool(self) -> Path:
        """Asterisk's spool."""
        return self.home / "spool"

    @property
    def callbacks(self) -> Path:
        """Callback requests of the classic AGI script, one JSON file each."""
        return self.spool / "callbacks"

    @property
    def messages(self) -> Path:
        """Messages citizens are leaving now, until a voice process takes them in."""
        return self.spool / "messages"

    @property
    def recordings(self) -> Path:
        """Recordings as MixMonitor writes them, until the jobs process seals them."""
        return self.spool / "recordings"

    @property
    def run(self) -> Path:
        """Control socket and pid file."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """Logs, queue_log, CDR and CEL files."""
        return self.home / "log"

    @property
    def cdr_file(self) -> Path:
        """Call records (CDR), comma separated; columns in `cdr_custom.conf`."""
        return self.log / "cdr-custom" / "hotline.csv"

    @property
    def cel_file(self) -> Path:
        """Channel events (CEL), comma separated; columns in `cel_custom.conf`."""
        return self.log / "cel-custom" / "hotline.csv"

    @property
    def modules(self) -> Path:
        """Asterisk's loadable modules. Raises PartUnavailable when there are none."""
        return self._first(_MODULES)

    def has_module(self, name: str) -> bool:
        """Whether this Asterisk comes with a module: some exist in newer versions or in one distribution only."""
        return (self.modules / name).exists()

    @property
    def data(self) -> Path:
        """The installation's own data directory, for the documentation that modules register with."""
        return self._first(_DATA)

    @property
    def asterisk(self) -> str:
        """The program, as named inside the root."""
        if self.root is not None:
            return "/usr/sbin/asterisk"
        return shutil.which("asterisk") or "/usr/sbin/asterisk"

    @property
    def python(self) -> str:
        """The interpreter of classic AGI scripts, as Asterisk names it."""
        return "/usr/bin/python3" if self.root is not None else (shutil.which("python3") or "/usr/bin/python3")

    @property
    def owner(self) -> int | None:
        """The uid and gid Asterisk runs under; None when we are not root, then it is ours."""
        return _UNPRIVILEGED if os.geteuid() == 0 else None

    def command(self, *arguments: str) -> list[str]:
        """argv that runs Asterisk for this instance, without privileges and inside its root.

        Raises PartUnavailable where the root needs privileges we do not have.
        """
        program = [self.asterisk, "-C", self.inside(self.etc / "asterisk.conf"), *arguments]
        if self.root is None:
            if self.owner is None:
                return program
            return ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups", *program]
        if self.owner is None:
            raise PartUnavailable(
                "an unpacked Asterisk can only be entered by root",
                remedy="run as root, or install Asterisk 20 or newer: apt-get install asterisk",
            )
        return ["chroot", f"--userspec={self.owner}:{self.owner}", "--groups=", str(self.root), *program]

    def _first(self, patterns: tuple[str, ...]) -> Path:
        base = self.root or Path("/")
        for pattern in patterns:
            for found in sorted(base.glob(pattern)):
                return found
        raise PartUnavailable(f"no {patterns[0]} under {base}", remedy="run `make run`: it installs Asterisk")


def find(settings: Settings, instance: str | None = None) -> Layout:
    """The layout of an instance, by default that of the line itself.

    The unpacked root is taken if it is there, else the system's Asterisk if new enough. Raises PartUnavailable.
    """
    name = instance or settings.asterisk.systemname
    root = (settings.var_dir / ROOT_DIRECTORY).absolute()
    if (root / "usr/sbin/asterisk").exists():
        return Layout(name, root / "hl" / name, root)
    version = system_version()
    if version is not None and version >= OLDEST:
        return Layout(name, (settings.var_dir / "asterisk" / name).absolute(), None)
    raise PartUnavailable(
        f"no Asterisk {OLDEST} or newer: neither {root} nor the system has one",
        remedy="run `make run`: it unpacks one under var/",
    )


def system_version() -> int | None:
    """Major version of the system's Asterisk, or None."""
    if shutil.which("asterisk") is None:
        return None
    printed = subprocess.run(["asterisk", "-V"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Asterisk (?:certified/)?(\d+)", printed)
    return int(found.group(1)) if found else None
