"""`python -m server.provision.launch --user NAME --folder PATH -- PROGRAM ...`: run a server without privileges.

PostgreSQL refuses root, and Redis has no business with it. The server's folder may lie where its user cannot walk to
(a checkout in /root is closed to others), so it is opened here and handed over: `{folder}` in the program's arguments
becomes its name under /proc/self/fd, which needs no way through the folders above. Nobody's folder has to be opened.
With `--inside` the program starts in its folder, for one that closes what it inherits.
"""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = "{folder}"
"""Stands for the server's folder in a program's arguments."""


def command(user: str, folder: Path, *program: str, inside: bool = False) -> list[str]:
    """argv that runs `program` as `user` (as ourselves if we are not root) with its folder at `{folder}`; `inside` it
    that is where it runs."""
    return [
        *(sys.executable, "-m", "server.provision.launch"),
        *("--user", user, "--folder", str(folder), *(["--inside"] if inside else []), "--", *program),
    ]


def own(user: str, folder: Path) -> None:
    """Make the folder, closed to everyone but `user`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    give(user, folder)


def give(user: str, path: Path) -> None:
    """Make `user` the owner; where we are not root it is ours and stays so."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def main(arguments: Sequence[str] | None = None) -> None:
    """Become the user and then the program; returns only by raising."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("program", nargs="+")
    given = parser.parse_args(arguments)
    # Not close-on-exec: the program, and PostgreSQL's own children, reach the folder through it.
    handle = os.open(given.folder, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(handle, True)
    folder = f"/proc/self/fd/{handle}"
    os.chdir(handle if given.inside else "/")
    os.umask(0o077)
    environment = dict(os.environ)
    if os.geteuid() == 0:
        account = pwd.getpwnam(given.user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        environment |= {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
    program = [word.replace(FOLDER, folder) for word in given.program]
    os.execvpe(program[0], program, environment)  # noqa: S606 - the very point


if __name__ == "__main__":
    main()
