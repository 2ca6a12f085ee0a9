"""What the docs say is what the code does, as far as a machine can tell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acd.states import AGENT_MOVES, AgentState
from hotline.settings import Settings, project_root
from server.provision.programs import all_programs
from tests.docs import state_diagrams

_ROOT = project_root()
_PAGES = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md")])
_DECISIONS = sorted(_ROOT.glob("docs/decisions/*.md"))

_LINK = re.compile(r"\]\((?P<target>[^)\s#]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"`(?P<text>[^`\n]+)`")
_PATH = re.compile(r"(?:[a-z_-]+/)+(?:[A-Za-z0-9_.-]+)?")
_PACKAGES = ("hotline", "agi", "ami", "media", "directory", "ivr", "acd", "ticketing", "calls", "web", "server")
_ROOMS = {*_PACKAGES, "asterisk-config", "docs", "setup", "tests"}


def test_the_state_diagrams_are_the_tables() -> None:
    page = state_diagrams.PAGE.read_text(encoding="utf-8")
    assert state_diagrams.drawn(page) == state_diagrams.diagrams(), "draw them: python -m tests.docs.state_diagrams"


def test_a_move_more_in_the_table_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    page = state_diagrams.PAGE.read_text(encoding="utf-8")
    wrong = {**AGENT_MOVES, AgentState.SIGNED_OUT: frozenset({AgentState.TALKING})}
    monkeypatch.setattr(state_diagrams, "AGENT_MOVES", wrong)
    assert state_diagrams.drawn(page) != state_diagrams.diagrams()
    assert "SIGNED_OUT --> TALKING" in state_diagrams.redrawn(page)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text(encoding="utf-8"))]
    gone = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert gone == []


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_file_named_is_there(page: Path) -> None:
    named = {match["text"] for match in _CODE.finditer(page.read_text(encoding="utf-8"))}
    paths = {text for text in named if _PATH.fullmatch(text) and text.split("/")[0] in _ROOMS}
    assert [path for path in sorted(paths) if not (_ROOT / path).exists()] == []


def test_every_module_has_its_line_in_the_walk() -> None:
    page = (_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    # Folders inside a package are walked as a whole.
    modules = [path for room in _PACKAGES for path in (_ROOT / room).glob("*.py") if path.name != "__init__.py"]
    missing = [str(path.relative_to(_ROOT)) for path in modules if f"`{path.name}`" not in page]
    assert missing == [], "say what it is for in docs/architecture.md, The tree"


def test_every_process_has_a_line_on_what_happens_when_it_dies() -> None:
    page = (_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.split("## When a process dies", 1)[1].split("\n## ", 1)[0]
    wanted = {re.sub(r"-\d+$", "", program.name) for program in all_programs(Settings())}
    assert {name for name in wanted if f"`{name}" not in table} == set()


@pytest.mark.parametrize("page", _DECISIONS, ids=lambda page: page.name)
def test_a_decision_is_one_page_in_the_agreed_order(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60
    assert re.match(rf"# {page.name[:4]} ", text)


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in _DECISIONS] == list(range(1, len(_DECISIONS) + 1))
