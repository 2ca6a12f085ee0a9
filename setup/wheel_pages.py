"""The build hook of the wheel: puts the built pages into it. An editable install has none to build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILT = "web/ui/dist"


class PagesHook(BuildHookInterface):  # type: ignore[misc]
    """Named in pyproject.toml."""

    PLUGIN_NAME = "pages"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages and take them in."""
        if version == "editable":
            return
        # The build runs with the backend's own path; set-up's modules lie beside this one.
        sys.path.insert(0, self.root)
        from setup.console import Console, SetupError
        from setup.environment import Environment
        from setup.pages import Pages

        root = Path(self.root)
        pages, console = Pages(root, Environment(root)), Console(root / "var" / "log" / "setup.log")
        try:
            if not pages.packages_present():
                pages.install_packages(console)
            pages.build(console)
        except SetupError as error:
            raise RuntimeError(f"{error.problem}\nWhat to do: {error.remedy}") from error
        finally:
            sys.path.remove(self.root)
        build_data["force_include"][str(root / _BUILT)] = _BUILT
