"""Whatever a route writes into the audit log reads as words on the audit page, not as a code."""

from __future__ import annotations

import re

from hotline.settings import project_root

_RECORDED = re.compile(r"""(?:change\.record\(|reading\.note\(|action=)\s*"([a-z_]+)\.([a-z_]+)\"""")
_WORD = re.compile(r"^  ([a-z_]+): '", re.MULTILINE)


def _recorded() -> set[tuple[str, str]]:
    found = set()
    for path in sorted((project_root() / "web" / "routes").glob("*.py")):
        for one in _RECORDED.finditer(path.read_text()):
            found.add((one[1], one[2]))
    return found


def test_every_action_has_words() -> None:
    kinds, _, deeds = (project_root() / "web/ui/src/reports/audit.ts").read_text().partition("const DEEDS")
    kinds = kinds.partition("export const KINDS")[2]
    known = set(_WORD.findall(kinds)), set(_WORD.findall(deeds.partition("\n}\n")[0]))
    recorded = _recorded()
    assert ("round", "item_called") in recorded
    assert len(recorded) > 60
    assert not {f"{kind}.{deed}" for kind, deed in recorded if kind not in known[0] or deed not in known[1]}
