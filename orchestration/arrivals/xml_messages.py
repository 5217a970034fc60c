"""Messages: one XML message becomes a line of JSON per record, or the reason why it is refused.

Nothing that a message says is looked up: a document type is refused, and with it every entity but the five of XML.

Belongs here: parsing safely, and the shape of a row. It also runs in processes of its own, so it imports little.
Does not: archives, processes and DuckDB (see `xml_files.py`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from lxml import etree

from orchestration.arrivals.refusal import Refusal

MAX_MESSAGE_BYTES = 16 << 20
MAX_DEPTH = 32
# DuckDB keeps a buffer of twice the longest line per thread.
MAX_ROW_BYTES = 16 << 20
# Each row repeats what stands beside the records: many small records beside one large element would grow without end.
MAX_ROWS_BYTES = 4 * MAX_MESSAGE_BYTES

# Messages that say GBK or GB2312 often hold a name with a rarer character of GB18030, which contains both.
ENCODINGS: Mapping[str, str] = MappingProxyType(
    {
        "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "gb18030": "gb18030", "gbk": "gb18030",
        "gb2312": "gb18030", "big5": "big5", "iso-8859-1": "iso-8859-1", "windows-1252": "cp1252",
    }
)  # fmt: skip
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ENCODING = re.compile(rb"""<\?xml\s[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_PROLOG = re.compile(rb"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_ROOT = re.compile(rb"<([^\s/<>!?]+)")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)

Json: TypeAlias = "str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Branch:
    """What a mapping says of the element at one place: whether it is an array, and of the elements inside of it."""

    is_array: bool
    below: Mapping[str, "Branch"]


@dataclass(frozen=True)
class Shape:
    """Which elements are rows, and which places of a row are arrays."""

    records: frozenset[str]
    arrays: Mapping[str, Branch]

    @classmethod
    def of(cls, records: Sequence[str], arrays: Sequence[str]) -> "Shape":
        """The shape of a mapping's names; an array deeper in the row is a dotted path."""
        return cls(frozenset(records), _branches([path.split(".") for path in arrays]))


class Message(NamedTuple):
    """The bytes of one message, with the name that rows say and the label that refusals say."""

    member: str
    label: str
    content: bytes


@dataclass(frozen=True)
class Rows:
    """The rows of some messages: a line of JSON each, their number, and the keys of their top levels."""

    lines: bytes
    count: int
    keys: frozenset[str]


def parse(messages: Sequence[Message], shape: Shape) -> Rows:
    """The rows of the messages, in their order; raises Refusal for the first message that is refused."""
    names = _LocalNames()
    parser = _parser()
    lines: list[bytes] = []
    keys: set[str] = set()
    for message in messages:
        size = 0
        for row in _rows(message, shape, names, parser):
            keys.update(row)
            lines.append(_ENCODER.encode(row).encode())
            size += len(lines[-1])
            if len(lines[-1]) > MAX_ROW_BYTES:
                raise Refusal("file.oversized", f"{message.label}: a record of more than {MAX_ROW_BYTES:,} bytes")
            if size > MAX_ROWS_BYTES:
                problem = f"its records, each with what stands beside them, are more than {MAX_ROWS_BYTES:,} bytes"
                raise Refusal("file.bomb", f"{message.label}: {problem}")
    return Rows(b"".join(line + b"\n" for line in lines), len(lines), frozenset(keys))


def _branches(paths: Sequence[Sequence[str]]) -> dict[str, Branch]:
    firsts = dict.fromkeys(path[0] for path in paths)
    inner = {first: [path[1:] for path in paths if path[0] == first] for first in firsts}
    return {first: Branch([] in rests, _branches([rest for rest in rests if rest])) for first, rests in inner.items()}


class _LocalNames(dict[str, str]):
    """Names without their namespaces, by tag."""

    def __missing__(self, tag: str) -> str:
        self[tag] = local = tag.rpartition("}")[2]
        return local


def _rows(message: Message, shape: Shape, names: _LocalNames, parser: etree.XMLParser) -> Iterator[dict[str, Json]]:
    root = _root(message, parser)
    reading = _Reading(message.label, names)
    name = names[root.tag]
    said: dict[str, Json] = {f"@{names[str(key)]}": str(value) for key, value in root.items()}
    said |= {"@root": name, "@member": message.member}
    if name in shape.records:
        yield reading.object(root, shape.arrays, 1) | said | {"@record": name}
        return
    records = [child for child in root if names[child.tag] in shape.records]
    if not records:
        wanted = " or ".join(sorted(shape.records))
        raise Refusal("file.unreadable", f"{message.label}: the message {name} has no element {wanted}")
    beside = reading.object(root, shape.arrays, 1, without=shape.records)
    inside = {key: branch for key, branch in shape.arrays.items() if key not in beside}
    for record in records:
        row = reading.object(record, inside, 2)
        twice = row.keys() & beside.keys()
        if twice:
            raise reading.refusal(record, f"{min(twice)} stands in the record and beside it")
        yield row | beside | said | {"@record": names[record.tag]}


@dataclass(frozen=True)
class _Reading:
    """Elements of one message as JSON."""

    label: str
    names: _LocalNames

    def object(
        self,
        element: etree._Element,
        branches: Mapping[str, Branch],
        depth: int,
        without: frozenset[str] = frozenset(),
    ) -> dict[str, Json]:
        """The children of an element by their names; arrays of the element itself are there even when empty."""
        if depth >= MAX_DEPTH:
            raise self.refusal(element, f"elements lie more than {MAX_DEPTH} deep", "file.unsafe_xml")
        found: dict[str, Json] = {}
        names = self.names
        self._refuse_text(element, element.text)
        for child in element:
            if child.tail is not None:
                self._refuse_text(element, child.tail)
            name = names[child.tag]
            if name in without:
                continue
            branch = branches.get(name)
            value: Json
            if len(child):
                value = self.object(child, branch.below if branch is not None else {}, depth + 1)
            else:
                text = child.text
                value = None if text is None or text.isspace() else text
            if branch is not None and branch.is_array:
                items = found.setdefault(name, [])
                if isinstance(items, list):
                    items.append(value)
            elif name in found:
                problem = f"{name} stands twice in {names[element.tag]}; if it may, name its path in `arrays`"
                raise self.refusal(child, problem)
            else:
                found[name] = value
        if not without:
            for name, branch in branches.items():
                if branch.is_array:
                    found.setdefault(name, [])
        return found

    def refusal(self, element: etree._Element, problem: str, rule: str = "file.unreadable") -> Refusal:
        """The refusal of the message for what is wrong with an element."""
        return Refusal(rule, f"{self.label}: line {element.sourceline}: {problem}")

    def _refuse_text(self, element: etree._Element, text: str | None) -> None:
        # A row has a place for text or for elements under one name: one of them would be lost.
        if text is not None and not text.isspace():
            raise self.refusal(element, f"{self.names[element.tag]} holds both text and elements")


def _root(message: Message, parser: etree.XMLParser) -> etree._Element:
    label = message.label
    if len(message.content) > MAX_MESSAGE_BYTES:
        raise Refusal("file.oversized", f"{label}: a message of more than {MAX_MESSAGE_BYTES:,} bytes")
    content = _utf8(message.content, label)
    start = _prolog_end(content)
    if content[start : start + 9].upper() == b"<!DOCTYPE":
        line = content.count(b"\n", 0, start) + 1
        raise Refusal("file.unsafe_xml", f"{label}: line {line}: a document type is declared, which messages need not")
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal(error, content, start, label) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refusal("file.unsafe_xml", f"{label}: a document type is declared, which messages need not")
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )


def _utf8(content: bytes, label: str) -> bytes:
    """The message in UTF-8: bytes that are no text are found by Python, which says where, and not by the parser."""
    content = content.removeprefix(BYTE_ORDER_MARK)
    said = _ENCODING.match(content)
    encoding = said[1].decode("ascii") if said is not None else "utf-8"
    codec = ENCODINGS.get(encoding.casefold())
    if codec is None:
        known = ", ".join(ENCODINGS)
        raise Refusal("file.unreadable", f"{label}: the prolog names the encoding {encoding}; known are {known}")
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"line {line} is no {encoding} text (byte 0x{content[error.start]:02x})"
        raise Refusal("file.wrongly_encoded", f"{label}: {problem}") from None
    return content if codec == "utf-8" else text.encode()


def _prolog_end(content: bytes) -> int:
    found = _PROLOG.match(content)
    return found.end() if found is not None else 0


def _refusal(error: etree.XMLSyntaxError, content: bytes, start: int, label: str) -> Refusal:
    """Why a message cannot be parsed; the parser's own words are not told, since they may quote the message."""
    codes = etree.ErrorTypes
    code = int(getattr(error, "code", 0))
    place = f"{label}: line {error.lineno}"
    if code == codes.ERR_RESOURCE_LIMIT:
        return Refusal("file.unsafe_xml", f"{place}: elements lie deeper, or a text is longer, than in any message")
    if code == codes.ERR_TAG_NOT_FINISHED or (code != codes.ERR_DOCUMENT_END and _is_without_end(content, start)):
        return Refusal("file.truncated", f"{place}: the message breaks off, its root is never closed")
    kind = next((name for name, number in vars(codes).items() if number == code), "ERR_SYNTAX")
    return Refusal("file.unreadable", f"{place}: not well-formed XML ({kind.removeprefix('ERR_').lower()})")


def _is_without_end(content: bytes, start: int) -> bool:
    root = _ROOT.match(content, start)
    if root is None:
        # Nothing but a prolog, or the beginning of one.
        return content[start:] in (b"", b"<") or content.startswith((b"<?", b"<!--"), start)
    closing = b"</" + root[1]
    return re.match(rb"\s*>", content[content.rfind(closing) + len(closing) :]) is None if closing in content else True
