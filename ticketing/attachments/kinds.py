"""Which files are taken as attachments, told by what they hold; what a name or a header says is only compared with it.

Where many kinds share a container (ZIP), its parts decide: a ZIP is an office document only with that document's main
part, and never with macros.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import puremagic

from ticketing.attachments.errors import EmptyFile, KindMismatch, KindNotAllowed

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "jpg": "image/jpeg",
        "png": "image/png",
        "gif": "image/gif",
        "webp": "image/webp",
        "bmp": "image/bmp",
        "heic": "image/heic",
        "pdf": "application/pdf",
        "ofd": "application/ofd",
        "docx": f"{_OFFICE}.wordprocessingml.document",
        "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        "pptx": f"{_OFFICE}.presentationml.presentation",
        "doc": "application/msword",
        "xls": "application/vnd.ms-excel",
        "ppt": "application/vnd.ms-powerpoint",
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "amr": "audio/amr",
        "m4a": "audio/mp4",
        "mp4": "video/mp4",
        "mov": "video/quicktime",
        "txt": "text/plain",
    }
)
"""Media type by extension; of the extensions that fit a file without one the first counts. OFD is GB/T 33190."""

_SAME: Final = MappingProxyType(
    {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "heif": "heic", "mpga": "mp3", "dib": "bmp", "qt": "mov"}
)
_MAIN_PART: Final = MappingProxyType(
    {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml", "ofd": "OFD.xml"}
)
_MACROS: Final = "vbaproject.bin"
_MOST_PARTS: Final = 10_000
_ZIP: Final = b"PK\x03\x04"
_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_LONGEST_NAME: Final = 100
_NAMELESS: Final = "附件"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is: its name as it is kept, and its media type."""

    name: str
    media_type: str


def kind_of(name: str, content: bytes) -> FileKind:
    """What a file of this name holds. Raises EmptyFile, KindNotAllowed, KindMismatch."""
    if not content:
        raise EmptyFile("the file is empty")
    plain = safe_name(name)
    stem, _, suffix = plain.rpartition(".")
    wanted = _same(suffix) if stem else ""
    fits = _fitting(content)
    if wanted in KINDS:
        if wanted not in fits:
            raise KindMismatch(f"it does not hold {KINDS[wanted]}")
        return FileKind(plain, KINDS[wanted])
    if wanted and not fits:
        raise KindNotAllowed("allowed are: " + ", ".join(KINDS))
    if wanted:
        raise KindMismatch(f"its name says {wanted[:16]}, it holds {KINDS[fits[0]]}")
    if not fits:
        raise KindNotAllowed("allowed are: " + ", ".join(KINDS))
    return FileKind(f"{plain}.{fits[0]}", KINDS[fits[0]])


def safe_name(name: str) -> str:
    """The last part of a path, without what steers a screen or a file system; at most 100 characters. Files are never
    opened by it."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(" " if c.isspace() else c for c in last if c.isprintable() or c.isspace())
    clean = re.sub(r'[<>:"|?*]', "_", " ".join(visible.split())).strip(". ")
    stem, dot, suffix = clean.rpartition(".")
    if not dot or len(suffix) > 8:
        return clean[:_LONGEST_NAME] or _NAMELESS
    return f"{stem[: _LONGEST_NAME - len(suffix) - 1]}.{suffix}"


def _same(suffix: str) -> str:
    lower = suffix.lower()
    return _SAME.get(lower, lower)


def _fitting(content: bytes) -> list[str]:
    """Extensions this content may have, in the order of `KINDS`."""
    if content.startswith(_ZIP):
        return _office(content)
    try:
        matches = puremagic.magic_string(content)
    except (puremagic.PureError, ValueError):
        matches = []
    found = {_same(match.extension.lstrip(".")) for match in matches}
    if not found and _is_text(content):
        found = {"txt"}
    return [extension for extension in KINDS if extension in found and extension not in _MAIN_PART]


def _office(content: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as container:
            parts = container.namelist()[:_MOST_PARTS]
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError):
        return []
    if any(part.lower().endswith(_MACROS) for part in parts):
        return []
    return [extension for extension, main in _MAIN_PART.items() if main in parts]


def _is_text(content: bytes) -> bool:
    for charset in ("utf-8", "gb18030"):
        try:
            return not _NOT_TEXT.search(content.decode(charset))
        except UnicodeDecodeError:
            continue
    return False
