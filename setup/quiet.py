"""Installing server packages without their servers: the system gets the programs, and nothing starts.

Debian starts a service as its package is installed, and again at each boot, and makes a first PostgreSQL cluster.
While the set-up installs, `policy-rc.d` forbids starting and `createcluster.conf` the cluster; both are put back
afterwards, also by the next run if this one is killed. Services that we brought are disabled; ones that were there
before are not touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.console import CommandFailed, Console, answer_of

_FORBID = "#!/bin/sh\n# Put here by the 12345 hotline's set-up while it installs; it removes it.\nexit 101\n"


class Replaced:
    """System files that hold something else for a while. What they held is kept in `folder` until it is put back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, file: Path, text: str, *, mode: int) -> None:
        """Replace a file's content. A second call without `back` keeps the first original."""
        self._folder.mkdir(parents=True, exist_ok=True)
        record = self._folder / f"{file.name}.path"
        if not record.exists():
            if file.exists():
                shutil.copy2(file, self._folder / file.name)
            record.write_text(str(file))
        fresh = file.with_name(f"{file.name}.hotline-new")
        fresh.write_text(text)
        fresh.chmod(mode)
        os.replace(fresh, file)

    def back(self) -> None:
        """Put every original back; a file that did not exist goes away."""
        for record in sorted(self._folder.glob("*.path")):
            file = Path(record.read_text())
            kept = self._folder / file.name
            if kept.exists():
                shutil.copy2(kept, file)
                kept.unlink()
            else:
                file.unlink(missing_ok=True)
            record.unlink()


@contextmanager
def nothing_starts(replaced: Replaced) -> Iterator[None]:
    """No service starts while the block runs."""
    replaced.back()
    replaced.put(Path("/usr/sbin/policy-rc.d"), _FORBID, mode=0o755)
    try:
        yield
    finally:
        replaced.back()


def forbid_first_cluster(replaced: Replaced) -> None:
    """PostgreSQL's package makes no cluster of its own; to be called with `postgresql-common` in place."""
    file = Path("/etc/postgresql-common/createcluster.conf")
    held = file.read_text() if file.exists() else ""
    replaced.put(file, f"{held}\ncreate_main_cluster = false\n", mode=0o644)


def installed(package: str) -> bool:
    """Whether dpkg has the package installed."""
    return answer_of("dpkg-query", "-W", "-f=${Status}", package) == "install ok installed"


def disable(console: Console, service: str) -> None:
    """A service that came with us does not start at boot either."""
    try:
        if shutil.which("systemctl"):
            console.run("systemctl", "disable", f"{service}.service")
        elif shutil.which("update-rc.d"):
            console.run("update-rc.d", service, "disable")
    except CommandFailed as error:
        console.say(f"      note: {service} could not be disabled ({error}); it may start at the next boot")
