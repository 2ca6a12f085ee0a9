"""Classic AGI: scripts Asterisk starts itself, for when none of our processes is there to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path


def script_files() -> Mapping[str, Path]:
    """What the agi-bin folder of an Asterisk needs: path below that folder -> file to copy, the script executable.

    The script runs on whatever Python 3 the Asterisk host has, without our environment: pyst2's AGI module and `six`,
    which that imports, lie beside it. Raises ModuleNotFoundError if pyst2 or six is not installed here.
    """
    return {
        "callback_request.py": Path(__file__).with_name("callback_request.py"),
        "asterisk/__init__.py": _origin("asterisk"),
        "asterisk/agi.py": _origin("asterisk.agi"),
        "six.py": _origin("six"),
    }


def _origin(module: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module} is not installed", name=module)
    return Path(spec.origin)
