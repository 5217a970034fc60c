"""YAML whose every value knows its line, so that a message can name it.

Belongs here: reading YAML into nodes with lines, and the checks of kind that contracts and mappings share.
Does not: what the keys mean (see `contracts.py`, `mapping_reader.py`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

# The loader in C reads mappings eight times faster, where the package was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 20
MAX_VALUES = 100_000


class ConfigurationError(ValueError):
    """A contract or mapping that cannot be used; the message names the file, the line and the key."""


@dataclass(frozen=True)
class Node:
    """One value of a YAML file with its place: exactly one of text, items and entries is set; null sets none."""

    file: str
    line: int
    key: str
    text: str | None = None
    items: tuple["Node", ...] | None = None
    entries: Mapping[str, "Node"] | None = None

    def error(self, problem: str) -> ConfigurationError:
        """The error to raise for this value: file, line, key, problem."""
        where = f" {self.key}:" if self.key else ""
        return ConfigurationError(f"{self.file}:{self.line}:{where} {problem}")

    def as_text(self) -> str:
        """The scalar exactly as written (so NO stays NO and 007 stays 007)."""
        if self.text is None:
            raise self.error(f"a text is expected, {self._kind()} stands here")
        return self.text

    def as_choice(self, choices: Collection[str]) -> str:
        """The text when it is one of the choices."""
        if self.as_text() not in choices:
            raise self.error(f"{self.text!r} is not one of {', '.join(sorted(choices))}")
        return self.as_text()

    def as_bool(self) -> bool:
        """True or false."""
        return self.as_choice(("true", "false")) == "true"

    def as_int(self, minimum: int = 0) -> int:
        """A whole number of at least `minimum`."""
        try:
            number = int(self.as_text())
        except ValueError:
            raise self.error(f"{self.text!r} is not a whole number") from None
        if number < minimum:
            raise self.error(f"{number} is below {minimum}")
        return number

    def as_items(self) -> tuple["Node", ...]:
        """The items of a list."""
        if self.items is None:
            raise self.error(f"a list is expected, {self._kind()} stands here")
        return self.items

    def as_texts(self) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one."""
        return (self.text,) if self.text is not None else tuple(item.as_text() for item in self.as_items())

    def as_entries(self) -> Mapping[str, "Node"]:
        """The keys and values of a mapping."""
        if self.entries is None:
            raise self.error(f"keys with values are expected, {self._kind()} stands here")
        return self.entries

    def only(self, known: Collection[str], required: Sequence[str] = ()) -> Mapping[str, "Node"]:
        """The entries, all of them known keys and none of the required ones missing."""
        entries = self.as_entries()
        for key, value in entries.items():
            if key not in known:
                raise value.error(f"unknown key {key!r}; known keys are {', '.join(sorted(known))}")
        for key in required:
            if key not in entries:
                raise self.error(f"the key {key!r} is missing")
        return entries

    def _kind(self) -> str:
        if self.text is not None:
            return f"the text {self.text!r}"
        if self.items is not None:
            return "a list"
        return "nothing" if self.entries is None else "a mapping of keys"


def load(path: Path) -> Node:
    """The root of a YAML file, which must be a mapping of keys."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name}: not UTF-8 text at byte {error.start}") from None
    try:
        composed = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path.name}:{line}: not readable as YAML: {error.problem}") from None
    if composed is None:
        raise ConfigurationError(f"{path.name}:1: the file is empty")
    root = _located(composed, path.name, "", depth=0, budget=iter(range(MAX_VALUES)))
    root.as_entries()
    return root


def _located(node: yaml.Node, file: str, key: str, depth: int, budget: Iterator[int]) -> Node:
    line = node.start_mark.line + 1
    # An alias may contain itself, or many others that contain many more: depth and number are bounded.
    if depth > MAX_DEPTH or next(budget, None) is None:
        raise ConfigurationError(f"{file}:{line}: {key}: more than {MAX_DEPTH} levels deep or {MAX_VALUES:,} values")
    if isinstance(node, yaml.ScalarNode):
        is_null = node.tag == "tag:yaml.org,2002:null" and not node.style
        return Node(file, line, key, text=None if is_null else str(node.value))
    if isinstance(node, yaml.SequenceNode):
        items = tuple(
            _located(item, file, f"{key}[{n}]", depth + 1, budget) for n, item in enumerate(node.value, start=1)
        )
        return Node(file, line, key, items=items)
    entries: dict[str, Node] = {}
    for key_node, value in node.value:
        name = str(key_node.value)
        full = f"{key}.{name}" if key else name
        key_line = key_node.start_mark.line + 1
        if name in entries:
            raise ConfigurationError(f"{file}:{key_line}: {full}: the key stands twice")
        # A nested mapping starts on the line below its key; the key's own line is what a reader looks for.
        child = _located(value, file, full, depth + 1, budget)
        entries[name] = Node(file, key_line, full, child.text, child.items, child.entries)
    return Node(file, line, key, entries=entries)
