"""Putting an instance together: folders, rendered files, prompts, music and the classic AGI script."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from agi.classic import script_files
from directory.modes import EMERGENCY_NUMBERS
from hotline.errors import PartUnavailable
from hotline.settings import Settings, project_root
from media.spoken import MENUS_FOLDER, STUDIO_FOLDER
from server.asterisk import beep, ringback, secrets
from server.asterisk.layout import Layout, find
from server.asterisk.render import EmergencyRoute, NativeQueue, render

SCRIPT: Final = "callback-request"
"""Name under which the dialplan knows `agi/classic/callback_request.py`."""

_MERGED: Final = ("bin", "sbin", "lib", "lib64")
_SOUND: Final = ("*.alaw", "*.wav", "*.sln")


def prepare(
    settings: Settings,
    emergency: Sequence[EmergencyRoute] = (),
    *,
    layout: Layout | None = None,
    media: Path | None = None,
    native: NativeQueue | None = None,
) -> list[str]:
    """Make the instance ready and return the argv that runs it in the foreground.

    Repeatable: astdb, spool and logs of an earlier run stay. Raises PartUnavailable naming what is missing.
    """
    place = layout or find(settings)
    if place.root is not None:
        complete_root(place.root)
    make_folders(place)
    install_media(place, media or project_root() / "media")
    install_script(place)
    write(place, render(settings, secrets.load(settings), place, emergency, native=native or NativeQueue()))
    hand_over(place)
    return place.command("-f")


def complete_root(root: Path) -> None:
    """What an unpacked root lacks: the merged-usr links, and names that Asterisk looks up on every call."""
    for name in _MERGED:
        link = root / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(f"usr/{name}")
    (root / "etc").mkdir(exist_ok=True)
    hosts = root / "etc/hosts"
    if not hosts.exists():
        hosts.write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {socket.gethostname()}\n")
    lookup = root / "etc/nsswitch.conf"
    if not lookup.exists():
        lookup.write_text("hosts: files dns\n")


def make_folders(layout: Layout) -> None:
    """The instance's own folders."""
    for folder in (
        layout.etc,
        layout.var / "keys",
        layout.prompts,
        layout.sounds / MENUS_FOLDER,
        layout.sounds / STUDIO_FOLDER,
        layout.tones,
        layout.music,
        layout.agi_bin,
        layout.callbacks,
        layout.messages,
        layout.recordings,
        layout.spool / "monitor",
        layout.run,
        layout.log / "cdr-custom",
        layout.log / "cel-custom",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    # Modules register with the installation's own descriptions.
    documentation = layout.share / "documentation"
    documentation.unlink(missing_ok=True)
    documentation.symlink_to(layout.inside(layout.data / "documentation"))


def install_media(layout: Layout, media: Path) -> None:
    """Prompts and music from `media/`, and the ringing tone.

    Raises PartUnavailable when there is no music: waiting callers would hear nothing.
    """
    _install(_sounds(media / "prompts" / "zh"), layout.prompts)
    _install(_sounds(media / "prompts" / MENUS_FOLDER / "zh"), layout.sounds / MENUS_FOLDER)
    music = list(_sounds(media / "music"))
    if not music:
        raise PartUnavailable(
            f"no music for waiting callers under {media / 'music'}", remedy="run `hotline prompts render`"
        )
    _install(music, layout.music)
    ringback.install(layout.tones)
    beep.install(layout.tones)
    for number in EMERGENCY_NUMBERS:
        _link_announcement(layout, number)


def _link_announcement(layout: Layout, number: str) -> None:
    """The greeting of an emergency line under a name without a dot: a playlist takes one for a file's extension."""
    link = layout.tones / f"announce-{number}.alaw"
    if not link.is_symlink():
        link.symlink_to(Path("..") / layout.prompts.name / f"greeting.{number}.alaw")


def install_script(layout: Layout) -> None:
    """The classic AGI script with what it imports beside it, for the Python that Asterisk's root has."""
    try:
        files = script_files()
    except ModuleNotFoundError as error:
        raise PartUnavailable(f"the Python package {error.name} is not installed", remedy="run `make run`") from None
    for name, source in files.items():
        target = layout.agi_bin / (SCRIPT if name == "callback_request.py" else name)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)
    script = layout.agi_bin / SCRIPT
    text = script.read_text(encoding="utf-8").partition("\n")[2]
    # -s -E: nobody's environment or home decides what is imported; the script's own folder does.
    script.write_text(f"#!{layout.python} -sE\n{text}", encoding="utf-8")
    script.chmod(0o755)


def write(layout: Layout, files: Mapping[str, str]) -> list[str]:
    """Write rendered files; returns the names of those that are new, different or gone."""
    changed = []
    for name, text in files.items():
        path = layout.etc / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        draft = path.with_name(f".{name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if layout.owner is not None:
            os.chown(draft, 0, layout.owner)
        draft.replace(path)
        changed.append(name)
    for path in layout.etc.glob("*.conf"):
        if path.name not in files:
            path.unlink()
            changed.append(path.name)
    return sorted(changed)


def hand_over(layout: Layout) -> None:
    """Give Asterisk what it writes, and let it only read its configuration, sounds and scripts."""
    owner = layout.owner
    if owner is None:
        return
    layout.etc.chmod(0o750)
    os.chown(layout.etc, 0, owner)
    for folder in (layout.var, layout.spool, layout.run, layout.log):
        folder.chmod(0o750)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)


def _sounds(folder: Path) -> Iterable[Path]:
    return sorted(path for pattern in _SOUND for path in folder.glob(pattern))


def _install(files: Iterable[Path], target: Path) -> None:
    wanted = {path.name: path for path in files}
    for old in target.iterdir():
        if old.name not in wanted:
            old.unlink()
    for name, source in wanted.items():
        copy = target / name
        state = source.stat()
        if copy.exists() and (copy.stat().st_size, copy.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns):
            continue
        # By rename: a caller may be listening to the old one.
        draft = target / f".{name}"
        shutil.copy2(source, draft)
        draft.chmod(0o644)
        draft.replace(copy)
