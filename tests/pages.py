"""Pages as a parser reads them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = {"meta", "link", "br", "input"}


@dataclass
class Element:
    """An element of a page.

    Attributes:
        tag: Its name.
        attributes: Its attributes.
        children: Elements and texts in it.
    """

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        parts = [each if isinstance(each, str) else f" {each.text} " for each in self.children]
        return " ".join("".join(parts).split())

    def all(self, tag: str) -> list["Element"]:
        """Return all elements of this name in it."""
        found = []
        for each in self.children:
            if isinstance(each, Element):
                found += [each] if each.tag == tag else []
                found += each.all(tag)
        return found

    def at(self, key: str) -> "Element":
        """Return the element with this identifier."""
        everything = [self]
        for element in everything:
            if element.attributes.get("id") == key:
                return element
            everything += [each for each in element.children if isinstance(each, Element)]
        raise KeyError(key)

    def rows(self) -> list[list[str]]:
        """Return the texts of a table's cells."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element)]
            for row in self.all("tr")
        ]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        last = self.open.pop()
        assert last.tag == tag, f"</{tag}> closes <{last.tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(page: str) -> Element:
    """Return the tree of a page; every element must be closed, and every SVG be XML."""
    parser = _Parser()
    parser.feed(page)
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> is not closed"
    for piece in page.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + piece.partition("</svg>")[0] + "</svg>")
    return parser.open[0]


def check_frame(page: str) -> Element:
    """Check what every page has, and that it needs no other file; return its tree."""
    tree = parse(page)
    assert page.startswith("<!doctype html>") and len(page.encode()) < 400_000
    assert tree.all("html")[0].attributes["lang"] == "en"
    assert tree.all("title")[0].text and len(tree.all("h1")) == 1
    metas = {
        each.attributes.get("name"): each.attributes.get("content") for each in tree.all("meta")
    }
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert not [
        each
        for tag in ("script", "img", "iframe")
        for each in tree.all(tag)
        if "src" in each.attributes
    ]
    assert all(each.attributes["href"] == "data:," for each in tree.all("link"))
    assert "@import" not in page and "url(" not in page
    for svg in tree.all("svg"):
        if svg.attributes.get("role") == "img":
            assert svg.all("title")[0].text
        else:
            assert svg.attributes["aria-hidden"] == "true"
    return tree
