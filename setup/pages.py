"""The pages of `web/ui`: their packages from npm, and the build in `web/ui/dist` that the web process serves.

Built beside the old build and put in its place when it is complete: a line that runs goes on serving the old one.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from setup import node
from setup.console import CommandFailed, Console, SetupError
from setup.environment import Environment

_SOURCES = ("index.html", "package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts")
_FOLDERS = ("src", "public", "build")


class Pages:
    """Those of one checkout."""

    def __init__(self, project: Path, environment: Environment) -> None:
        self._environment = environment
        self.folder = project / "web" / "ui"
        self.built = self.folder / "dist"
        self._packages = self.folder / "node_modules"

    def packages_content(self) -> str:
        """What the packages are made from."""
        return "\n".join((self.folder / name).read_text() for name in ("package-lock.json", ".npmrc"))

    def packages_present(self) -> bool:
        return (self._packages / ".package-lock.json").exists() and (self._packages / "vite").is_dir()

    def install_packages(self, console: Console) -> None:
        """The locked packages, without running scripts of theirs. Raises SetupError."""
        found = node.find(self._environment)
        try:
            console.run(
                *(found.node, found.npm, "ci", "--prefix", self.folder, "--ignore-scripts", "--no-audit", "--no-fund"),
                environment=found.environment(),
            )
        except CommandFailed as error:
            raise SetupError(
                f"the pages' packages could not be installed: {error}\n{error.output}",
                "see that npm reaches its registry on this machine (npm config get registry; npm ping), "
                "then run the same command again",
            ) from error

    def content(self) -> str:
        """What the build is made from: every source by name and hash. Tests are no part of it."""
        files = [self.folder / name for name in _SOURCES]
        for folder in _FOLDERS:
            files += [path for path in (self.folder / folder).rglob("*") if path.is_file()]
        return "\n".join(
            f"{path.relative_to(self.folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
            for path in sorted(files)
            if not path.name.endswith(".test.ts")
        )

    def present(self) -> bool:
        return (self.built / "index.html").exists()

    def build(self, console: Console) -> None:
        """Build and put the build in its place. Raises SetupError."""
        found = node.find(self._environment)
        fresh, old = self.folder / "dist.new", self.folder / "dist.old"
        vite = self._packages / "vite" / "bin" / "vite.js"
        try:
            console.run(
                *(found.node, vite, "build", self.folder, "--outDir", fresh, "--emptyOutDir", "--logLevel", "warn"),
                environment=found.environment(),
            )
        except CommandFailed as error:
            raise SetupError(
                f"the pages could not be built: {error}\n{error.output}",
                f"mend what is named above in {self.folder}, or bring its files back (git checkout -- web/ui), then "
                "run the same command again. If a package is named: rm -r web/ui/node_modules first",
            ) from error
        shutil.rmtree(old, ignore_errors=True)
        if self.built.exists():
            self.built.rename(old)
        fresh.rename(self.built)
        shutil.rmtree(old, ignore_errors=True)
