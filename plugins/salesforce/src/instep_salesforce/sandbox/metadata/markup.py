"""Reading XML that anybody may have written, and writing XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from instep_salesforce.sandbox.metadata.faults import FaultError, malformed

XSI = "http://www.w3.org/2001/XMLSchema-instance"
MOST_BYTES = 10_000_000
MOST_NODES = 200_000
DEEPEST = 40
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Node:
    """One element: its name without its namespace, its text, its attributes and its children."""

    name: str
    namespace: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def child(self, name: str) -> Node | None:
        """The first child of that name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Node]:
        """Every child of that name."""
        return (child for child in self.children if child.name == name)

    def words(self, name: str) -> str | None:
        """The text of the first child of that name, without spaces around it."""
        found = self.child(name)
        return None if found is None else found.text.strip()

    @property
    def is_nil(self) -> bool:
        """Whether the element says that it holds nothing."""
        return self.attributes.get(f"{{{XSI}}}nil") in {"true", "1"}

    @property
    def type(self) -> str:
        """The type that the element claims, without its prefix; blank where it claims none."""
        return self.attributes.get(f"{{{XSI}}}type", "").rpartition(":")[2].strip()


class _Builder:
    """Builds nodes; refuses whatever could make a small document large, or a deep one deeper."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._count += 1
        if len(self._open) >= DEEPEST or self._count > MOST_NODES:
            raise malformed("The document is nested too deeply or holds too many elements")
        namespace, _, name = tag.rpartition("}")
        node = Node(name, namespace.lstrip("{"), dict(attributes))
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def end(self, tag: str) -> None:
        """An element ends."""
        self._open.pop().text = "".join(self._texts.pop())

    def data(self, text: str) -> None:
        """Some text stands here."""
        if self._texts:
            self._texts[-1].append(text)

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """No document type is read: it could declare entities, and have files fetched."""
        raise malformed("DTD is not allowed")

    def close(self) -> Node | None:
        """What was read."""
        return self.root


def read(body: bytes) -> Node:
    """The root of a document; a fault for anything that is none, or that is out to do harm."""
    if len(body) > MOST_BYTES:
        raise malformed("The request is too large")
    parser = ElementTree.XMLParser(target=_Builder())  # noqa: S314 - document types are refused
    try:
        parser.feed(body)
        root = parser.close()
    except FaultError:
        raise
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise malformed(f"The content is not well-formed XML: {error}") from None
    if not isinstance(root, Node):
        raise malformed("Premature end of file.")
    return root


def write(name: str, content: str, attributes: str = "") -> str:
    """An element around markup that is ready."""
    return f"<{name}{attributes}>{content}</{name}>"


def leaf(name: str, value: object) -> str:
    """An element with a text, a number or a truth."""
    return write(name, _text(value))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_UNWRITABLE.sub("", str(value)))
