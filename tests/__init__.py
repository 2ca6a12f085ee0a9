"""The tests, and processes they start, share keys of their own: none is made where a line keeps its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_KEY_FILE = "HOTLINE_PRIVACY__KEY_FILE"

if _KEY_FILE not in os.environ:
    _folder = tempfile.mkdtemp(prefix="hotline-keys-")
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    os.environ[_KEY_FILE] = str(Path(_folder) / "personal")
