"""The system's packages: what is missing is installed with apt, and none of their services starts."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from setup import quiet
from setup.console import CommandFailed, Console, SetupError, answer_of

POSTGRES_HOMES = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Need:
    """Something the project runs, the package that has it, and how to see that it is there."""

    what: str
    package: str
    there: Callable[[], bool]


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _file(path: str) -> Callable[[], bool]:
    return lambda: Path(path).exists()


def _browser() -> bool:
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def _chinese_font() -> bool:
    return any(Path("/usr/share/fonts").rglob("*CJK*"))


def needs(*, unpack_asterisk: bool) -> list[Need]:
    """Everything needed from the system; what unpacks Asterisk only where it is to be unpacked."""
    needed = [
        Need("Python's venv", "python3-venv", lambda: importlib.util.find_spec("ensurepip") is not None),
        Need("certificate authorities", "ca-certificates", _file("/etc/ssl/certs/ca-certificates.crt")),
        Need("time zones", "tzdata", _file("/usr/share/zoneinfo/Asia/Shanghai")),
        Need("PostgreSQL", "postgresql", lambda: any(POSTGRES_HOMES.glob("*/bin/initdb"))),
        Need("Redis", "redis-server", _program("redis-server")),
        Need("Kamailio, which spreads calls over several hosts", "kamailio", _file("/usr/sbin/kamailio")),
        Need("ffmpeg, which makes recordings playable", "ffmpeg", _program("ffmpeg")),
        Need("Chromium, which the pages are tested in", "chromium", _browser),
        Need("a Chinese font for it", "fonts-noto-cjk", _chinese_font),
        Need("SIPp, which plays callers and phones", "sip-tester", _program("sipp")),
    ]
    if unpack_asterisk:
        needed.append(Need("mmdebstrap, which unpacks Asterisk", "mmdebstrap", _program("mmdebstrap")))
        if "ID=debian" in Path("/etc/os-release").read_text().splitlines():
            keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
            needed.append(Need("Debian's keys", "debian-archive-keyring", _file(keyring)))
    return needed


def install(console: Console, missing: list[Need], replaced: quiet.Replaced) -> None:
    """Install what is missing. Raises SetupError that names it, and the command, where that is not possible."""
    packages = [need.package for need in missing]
    by_hand = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    what = ", ".join(f"{need.what} ({need.package})" for need in missing)
    if shutil.which("apt-get") is None:
        raise SetupError(f"missing: {what}", "install them with this system's package manager; only apt is known here")
    if os.geteuid() != 0:
        raise SetupError(
            f"missing: {what}. Installing needs root.",
            f"sudo make setup\n(or by hand: sudo sh -c '{by_hand}'; Debian then starts its own servers beside ours)",
        )
    brought = {"postgresql-common": "postgresql", "redis-server": "redis-server", "kamailio": "kamailio"}
    brought = {package: service for package, service in brought.items() if not quiet.installed(package)}
    try:
        with quiet.nothing_starts(replaced):
            if answer_of("dpkg", "--audit").strip():
                console.run("dpkg", "--configure", "-a", environment={"DEBIAN_FRONTEND": "noninteractive"})
            console.run("apt-get", "-o", "DPkg::Lock::Timeout=300", "update")
            if "postgresql" in packages:
                _apt_install(console, ["postgresql-common"])
                quiet.forbid_first_cluster(replaced)
            _apt_install(console, packages)
            for package, service in brought.items():
                if quiet.installed(package):
                    quiet.disable(console, service)
    except CommandFailed as error:
        raise SetupError(
            f"apt could not install {' '.join(packages)}: {error}\n{error.output}",
            "see that this machine reaches its package mirror (/etc/apt), then run the same command again; "
            f"by hand: {by_hand}",
        ) from error
    still = [need.what for need in missing if not need.there()]
    if still:
        raise SetupError(
            f"apt installed {' '.join(packages)}, yet {', '.join(still)} cannot be found",
            f"look into {console.log} for what apt said",
        )


def _apt_install(console: Console, packages: list[str]) -> None:
    console.run(
        *("apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"),
        *("install", "-y", "--no-install-recommends", *packages),
        environment={"DEBIAN_FRONTEND": "noninteractive"},
    )
