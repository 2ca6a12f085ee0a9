"""A browser for citizens' pages: it follows forms and links, keeps cookies, and runs no script."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

_VOID = frozenset({"meta", "link", "input", "br"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Every element below of this tag that has these attributes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and attributes.items() <= child.attributes.items():
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag: str, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(html: str, *, script: bool = False) -> Element:
    """The document; fails where an element is not closed, or an id is there twice, or a control has no name, or where a
    script is that should not be there."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"never closed: {reader.open[-1].tag}"
    document = reader.open[0]
    assert script or "<script" not in html
    assert " style=" not in html
    assert document.one("html").attributes["lang"] == "zh-CN"
    assert len(document.all("h1")) == 1
    ids = [element.attributes["id"] for tag in _TAGS for element in document.all(tag) if "id" in element.attributes]
    assert len(ids) == len(set(ids)), sorted(ids)
    for form in document.all("form"):
        for tag in ("input", "textarea"):
            for control in form.all(tag):
                _named(document, control)
    for tag in ("input", "textarea", "fieldset"):
        for control in document.all(tag):
            described = control.attributes.get("aria-describedby", "").split()
            assert set(described) <= set(ids), f"{control.attributes} is described by nothing"
    for link in document.all("a"):
        target = link.attributes["href"]
        assert not target.startswith("#") or target[1:] in ids, target
    return document


_TAGS = ("main", "input", "textarea", "fieldset", "p", "div")


def _named(document: Element, control: Element) -> None:
    if control.attributes.get("type") == "hidden":
        return
    if control.attributes.get("type") == "radio":
        assert any(control in label.children and label.text.strip() for label in document.all("label"))
        return
    names = document.all("label", **{"for": control.attributes["id"]})
    assert len(names) == 1, control.attributes
    assert names[0].text.strip()


class Citizen:
    """A browser of a citizen."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.status = 0
        self.document = Element("", {})

    def _read(self, answer: httpx.Response) -> Element:
        assert answer.headers["content-type"].startswith("text/html"), answer.text
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert answer.headers["cache-control"] == "no-store"
        self.status = answer.status_code
        self.document = read(answer.text)
        return self.document

    async def open(self, path: str) -> Element:
        return self._read(await self.http.get(path))

    async def follow(self, text: str) -> Element:
        (link,) = [one for one in self.document.all("a") if one.text.strip() == text]
        return await self.open(link.attributes["href"])

    def typed(self, action: str) -> dict[str, str]:
        """What a form holds as it stands."""
        form = self.document.one("form", action=action)
        held = {one.attributes["name"]: one.text.removeprefix("\n") for one in form.all("textarea")}
        for one in form.all("input"):
            kind = one.attributes.get("type")
            if kind not in ("radio", "file") or "checked" in one.attributes:
                held[one.attributes["name"]] = one.attributes.get("value", "")
        return held

    async def send(
        self,
        action: str,
        *,
        files: list[tuple[str, bytes]] | None = None,
        headers: dict[str, str] | None = None,
        **typed: str,
    ) -> Element:
        """Fill in a form of the page, and send it."""
        values = self.typed(action) | typed
        arguments = {"files": [("files", file) for file in files]} if files is not None else {}
        return self._read(await self.http.post(action, data=values, headers=headers, **arguments))  # type: ignore[arg-type]

    @property
    def wrong(self) -> list[str]:
        """What is said at the fields."""
        return [one.text for one in self.document.all("p", **{"class": "why"})]

    def told(self, name: str) -> str:
        """The value beside a term of a description list."""
        (at,) = [number for number, term in enumerate(self.document.all("dt")) if term.text == name]
        return self.document.all("dd")[at].text
