"""apt's own configuration is understood in both of its formats, so no mirror has to be written down."""

from __future__ import annotations

from pathlib import Path

from setup import asterisk, mirrors
from setup.mirrors import Source

_KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"


def test_one_line_entries_with_and_without_options() -> None:
    text = """
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib  # the archive
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://other.example/x stable main
deb [ trusted=yes ] file:/srv/flat ./
"""
    assert mirrors.one_line(text) == [
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib")),
        Source("https://other.example/x", "stable", ("main",), "/usr/share/keyrings/a.gpg"),
        Source("file:/srv/flat", "./", (), "", trusted=True),
    ]


def test_a_deb822_paragraph_names_every_mirror_and_suite_it_lists() -> None:
    text = """Types: deb deb-src
URIs: http://one.example/debian http://two.example/debian
# a comment in between
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""
    assert mirrors.deb822(text) == [
        Source(f"http://{host}.example/debian", suite, ("main",), "/usr/share/keyrings/debian.gpg")
        for host in ("one", "two")
        for suite in ("bookworm", "bookworm-updates")
    ]


def test_a_key_that_stands_in_the_paragraph_reaches_mmdebstrap_through_a_file(tmp_path: Path) -> None:
    text = f"Types: deb\nURIs: http://one.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n {_KEY}\n"
    (source,) = mirrors.deb822(text)
    line = asterisk.line(source, tmp_path)
    assert line == f"deb [signed-by={tmp_path}/trixie.asc] http://one.example/debian trixie main"
    assert (tmp_path / "trixie.asc").read_text().splitlines() == [
        "-----BEGIN PGP PUBLIC KEY BLOCK-----",
        "",
        "mQINBF",
        "-----END PGP PUBLIC KEY BLOCK-----",
    ]


def test_all_files_are_read_and_only_the_distributions_archive_is_taken(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://list.example/debian bookworm main\n")
    (parts / "debian.sources").write_text(
        "Types: deb\nURIs: http://parts.example/debian\nSuites: bookworm bookworm-security\nComponents: main\n"
    )
    (parts / "third.list").write_text("deb https://third.example/linux bookworm stable\n")
    (parts / "node.sources.disabled").write_text("Types: deb\nURIs: http://no.example\nSuites: x\nComponents: main\n")
    found = mirrors.sources(tmp_path)
    assert {source.uri for source in found} == {
        "http://list.example/debian",
        "http://parts.example/debian",
        "https://third.example/linux",
    }
    assert [(source.uri, source.suite) for source in mirrors.archives(found, {"bookworm"}, {"main"})] == [
        ("http://list.example/debian", "bookworm"),
        ("http://parts.example/debian", "bookworm"),
    ]


def test_versions_as_asterisk_and_apt_write_them() -> None:
    said = {
        "Asterisk 22.10.1+dfsg+~cs6.17.60671434-1": 22,
        "Asterisk certified/20.7-cert2": 20,
        "1:20.6.0~dfsg+~cs6.13.40431414-2build5": 20,
        "1:16.28.0~dfsg-0+deb11u4": 16,
        "(none)": 0,
        "": 0,
    }
    assert {text: asterisk.version(text) for text in said} == said
