"""The texts that menus say and that come with the project: those of the default menus, how tickets stand, and how the
city's lines are called. `hotline prompts render` speaks them into `media/prompts/menus`."""

from __future__ import annotations

from pathlib import Path

from directory.hotline_list import read_list
from directory.importer import SANMENXIA
from directory.lines import main_line_name
from hotline.settings import Site
from ivr import exchange
from ivr.wording import wording
from media.catalogue import Catalogue, Prompt
from media.spoken import text_key
from server.provision.menus import FLOWS
from ticketing.progress_words import NOT_FOUND, SENTENCES


def menu_texts(folder: Path = FLOWS) -> list[str]:
    """Each once."""
    site = Site()
    texts: list[str] = []
    for file in sorted(folder.glob("*.yaml")):
        texts += wording(exchange.read(file.read_bytes())).texts
    texts += [*SENTENCES.values(), NOT_FOUND, main_line_name(site.name)]
    texts += [row.name_spoken for row in read_list(SANMENXIA.read_bytes(), site.area_code).rows]
    return list(dict.fromkeys(texts))


def menu_catalogue(folder: Path = FLOWS) -> Catalogue:
    """The same by the keys their sounds are found under."""
    return Catalogue({text_key(text): Prompt(text_key(text), text) for text in menu_texts(folder)})
