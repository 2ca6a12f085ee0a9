"""Asterisk: the system's where it is 20 or newer, else one unpacked into `var/asterisk-root` beside the system.

The unpacked root is only files: nothing is installed, no script of a package runs. It comes from the machine's own
mirror with the machine's own keys: from its own release where that has Asterisk 20 or newer (Ubuntu), else from
Debian's `testing` or `unstable`, which carry 22 when Debian's stable releases carry none.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from setup import mirrors
from setup.console import CommandFailed, Console, SetupError, answer_of

OLDEST = 20

PACKAGES = (
    "asterisk",
    "asterisk-modules",
    "asterisk-core-sounds-en",
    "asterisk-moh-opsound-wav",
    "busybox",
    # For the classic AGI script, which must run with nothing of ours alive.
    "python3",
)

_SUITES_WITH_ASTERISK = ("testing", "unstable")
_NOT_NEEDED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "var/lib/apt",
    "var/cache/apt",
)
_INSTANCES = "hl"
"""Where `server/asterisk/layout.py` keeps what belongs to a line rather than to Asterisk."""

_RECIPE = "1"

_NOT_PASSED_ON = ("Acquire::IndexTargets", "Acquire::CompressionTypes", "Acquire::Changelogs", "Acquire::cdrom")

_IMPORTS_OF_THE_CLASSIC_SCRIPT = "import dataclasses, json, os, pathlib, pprint, re, sys, time, typing"


def version(answer: str) -> int:
    """The major version in what `asterisk -V` or apt says (`Asterisk 22.5.0`, `1:20.6.0~dfsg`); 0 if none."""
    match = re.search(r"(?:Asterisk (?:certified/)?|^\s*(?:\d+:)?)(\d+)\.\d", answer)
    return int(match[1]) if match else 0


def of_the_system() -> int:
    """Major version of the system's Asterisk, 0 for none."""
    return version(answer_of(shutil.which("asterisk") or "/usr/sbin/asterisk", "-V"))


class UnpackedAsterisk:
    """`asterisk-root` under the project's `var/`."""

    def __init__(self, var: Path) -> None:
        self.root = var / "asterisk-root"
        self._fresh = var / "asterisk-root.unpacking"

    def content(self) -> str:
        """What the root is made from."""
        return "\n".join((_RECIPE, *PACKAGES, answer_of("dpkg", "--print-architecture")))

    def present(self) -> bool:
        return (self.root / "usr/sbin/asterisk").exists()

    def make(self, console: Console) -> None:
        """Unpack it; the old root stays in place until the new one is whole. Raises SetupError."""
        if os.geteuid() != 0:
            raise SetupError(
                f"missing: Asterisk {OLDEST} or newer. Unpacking a private one needs root, and so does running it.",
                "sudo make setup\n(or install Asterisk 20 or newer yourself; then it is used)",
            )
        if users := _inside(self.root):
            raise SetupError(
                f"the unpacked Asterisk is to be renewed, but runs now (process {users[0]})",
                "make stop, then run the same command again",
            )
        attempts = []
        for sources in _candidates():
            _remove(self._fresh)
            try:
                self._unpack(console, sources)
                self._complete()
                self._try(console)
            except CommandFailed as error:
                attempts.append(f"{sources[0].suite}: {error}\n{error.output}")
                continue
            self._take_over()
            return
        _remove(self._fresh)
        raise SetupError(
            "Asterisk could not be unpacked:\n" + "\n".join(attempts),
            "see that this machine reaches its package mirror (/etc/apt), then run the same command again; "
            f"or install Asterisk {OLDEST} or newer yourself, then that one is used",
        )

    def _unpack(self, console: Console, sources: list[mirrors.Source]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            # apt fetches and checks as a user of its own.
            Path(scratch).chmod(0o755)
            console.run(
                *("mmdebstrap", "--mode=root", "--variant=extract", "--format=directory"),
                f"--include={','.join(PACKAGES)}",
                *(f"--aptopt={option}" for option in acquire_options()),
                *(sources[0].suite, self._fresh),
                *(line(source, Path(scratch)) for source in sources),
            )

    def _take_over(self) -> None:
        """Put the new root in place. Instances (their callback requests, their queue members) move along."""
        if (self.root / _INSTANCES).exists():
            os.replace(self.root / _INSTANCES, self._fresh / _INSTANCES)
        _remove(self.root)
        os.replace(self._fresh, self.root)

    def _complete(self) -> None:
        """What packages' scripts would have done and Asterisk relies on."""
        root = self._fresh
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            if not (root / name).exists():
                (root / name).symlink_to(f"usr/{name}")
        for name in ("run/asterisk", "proc", "sys", "root", "tmp", "var/tmp", "etc"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        # Asterisk looks up the host's name on every call.
        name = os.uname().nodename
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost {name}\n::1 localhost\n")
        for name in _NOT_NEEDED:
            shutil.rmtree(root / name, ignore_errors=True)

    def _try(self, console: Console) -> None:
        console.run("chroot", self._fresh, "/usr/sbin/asterisk", "-V")
        console.run("chroot", self._fresh, "/usr/bin/python3", "-I", "-c", _IMPORTS_OF_THE_CLASSIC_SCRIPT)
        found = version(answer_of("chroot", self._fresh, "/usr/sbin/asterisk", "-V"))
        if found < OLDEST:
            raise CommandFailed(["asterisk", "-V"], 0, f"version {found} is older than {OLDEST}")


def _candidates() -> list[list[mirrors.Source]]:
    """What to take Asterisk from, the likeliest first: sources that belong together. Raises SetupError for none."""
    known = mirrors.sources()
    release = {
        key: value.strip('"')
        for key, _, value in (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    }
    codename = release.get("VERSION_CODENAME", "")
    policy = re.search(r"Candidate: (\S+)", answer_of("apt-cache", "policy", "asterisk"))
    if policy and version(policy[1]) >= OLDEST:
        return [mirrors.archives(known, {codename}, {"main", "universe"})]
    if release.get("ID") != "debian":
        raise SetupError(
            f"this release's archives have no Asterisk {OLDEST} or newer",
            "on Ubuntu, enable the component `universe` (add-apt-repository universe; apt-get update); else install "
            f"Asterisk {OLDEST} or newer yourself. Then run the same command again",
        )
    own = mirrors.archives(known, {codename, "stable", "oldstable", "sid", *_SUITES_WITH_ASTERISK}, {"main"})
    if not own:
        raise SetupError(
            "apt's configuration names no archive of Debian with the component `main`",
            "put Debian's own sources back (/etc/apt/sources.list.d), then run the same command again",
        )
    return [
        [mirrors.Source(archive.uri, suite, ("main",), archive.signed_by, archive.trusted)]
        for suite in _SUITES_WITH_ASTERISK
        for archive in own
    ]


def line(source: mirrors.Source, scratch: Path) -> str:
    """The source as a one-line entry; a key that stands in the configuration itself goes through a file."""
    options = ["trusted=yes"] if source.trusted else []
    signed_by = source.signed_by
    if "BEGIN PGP" in signed_by:
        key = scratch / f"{source.suite}.asc"
        key.write_text(f"{signed_by}\n")
        key.chmod(0o644)
        signed_by = str(key)
    if signed_by:
        options.append(f"signed-by={','.join(signed_by.split())}")
    return " ".join(
        ("deb", *([f"[{' '.join(options)}]"] if options else []), source.uri, source.suite, *source.components)
    )


def acquire_options() -> list[str]:
    """How this machine fetches (proxy, certificates, dates): passed on, so that the root is fetched the same way."""
    return [
        line
        for line in answer_of("apt-config", "dump", "Acquire").splitlines()
        if line.endswith('";') and not line.endswith(' "";') and not line.startswith(_NOT_PASSED_ON)
    ]


def _inside(root: Path) -> list[int]:
    """Processes that run with this folder as their root."""
    if not root.exists():
        return []
    users = []
    for link in Path("/proc").glob("[0-9]*/root"):
        try:
            if os.path.samefile(link, root):
                users.append(int(link.parent.name))
        except OSError:
            continue  # It ended meanwhile.
    return users


def _remove(root: Path) -> None:
    """Remove an unpacked root, but never anything that is mounted inside it."""
    if not root.exists():
        return
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = [mount for mount in mounts if mount.startswith(f"{root.resolve()}/")]
    if inside:
        raise SetupError(f"{root} cannot be renewed: {inside[0]} is mounted in it", f"umount {inside[0]}")
    shutil.rmtree(root)
