"""Refusals: why a file is not taken, in words that hold nothing personal.

Belongs here: the rule ids of refused files and the exception that carries one. Does not: where refused files go
(see `shelves.py`) and rows that are read but not accepted (quarantine, in staging).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[str, str] = MappingProxyType(
    {
        "file.duplicate": "A file with the same content was taken before.",
        "file.empty": "The file has no byte.",
        "file.oversized": "The file, or what it expands to, is larger than the settings allow.",
        "file.bomb": "The file expands by more than the ratio that the settings allow.",
        "file.truncated": "The file breaks off, or a row does not have the columns of the header.",
        "file.unreadable": "The file is not of the format that its mapping says.",
        "file.wrongly_encoded": "The file's bytes are no text in the encoding that its mapping says.",
        "file.unsafe_xml": "The XML declares a document type or entities, or nests deeper than any message.",
        "file.unsafe_path": "The archive has a member that would land outside of its folder.",
        "file.nested_archive": "The archive has an archive inside.",
        "file.unknown": "No mapping takes a file of this name.",
        "file.ambiguous": "Two mappings take a file of this name.",
        "schema.lost_column": "A column that the mapping reads is missing.",
        "schema.retyped_column": "A column's values are no longer of the type that the contract says.",
        "schema.duplicate_column": "Two columns that the mapping could mean have the same name.",
        "mapping.unknown_code": "A value stands in no list of codes, and the mapping says to refuse.",
    }
)


class Refusal(Exception):
    """A file that is refused as a whole: the rule, and what exactly is wrong where."""

    def __init__(self, rule: str, detail: str) -> None:
        if rule not in RULES:
            raise ValueError(f"{rule!r} is no rule of a refused file")
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail

    def __reduce__(self) -> tuple[type["Refusal"], tuple[str, str]]:
        """What copies it out of another process: the two arguments, of which `Exception` itself keeps neither."""
        return Refusal, (self.rule, self.detail)


def shape(text: str) -> str:
    """The text with each letter as x and each digit as 9, at most 40 characters: shows the form, hides the content."""
    hidden = re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "x", text[:40]))
    return hidden + ("..." if len(text) > 40 else "")
