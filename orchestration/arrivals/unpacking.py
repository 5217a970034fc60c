"""Unpacking: a delivered file becomes one or more plain files, within the limits of the settings.

Sizes and ratios are measured while bytes stream out, since the sizes that an archive states are part of its claim.

Belongs here: gzip, zip, and text encodings. Does not: what the bytes mean (see `readers.py`).
"""

import codecs
import gzip
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from orchestration.arrivals.refusal import Refusal
from orchestration.settings import Settings

CHUNK = 1 << 20
# Below this a high ratio harms nobody, and a small file of equal rows is quickly that repetitive.
RATIO_FLOOR = 1 << 20
# A member that is a file of its own costs a file on disk and some statements; a message that is read with the others of
# its archive only its entry in the archive's directory, some 700 bytes of memory.
MAX_MEMBERS = 10_000
MAX_MESSAGES = 100_000
ARCHIVE_ENDINGS = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar", ".zst")
GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"


@dataclass(frozen=True)
class Limits:
    """How large a file may be as delivered, how large expanded, and by what factor it may expand."""

    max_file_bytes: int
    max_expanded_bytes: int
    max_ratio: float

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits of an installation."""
        return cls(settings.max_file_bytes, settings.max_expanded_bytes, settings.max_compression_ratio)


@dataclass(frozen=True)
class Member:
    """A plain file to be read: its label in raw (`archive.zip!member.csv`), its name without folder, its bytes.

    entries: when not empty, the member stands for these members of the archive `path`, which are read as one file;
    its label is the archive's, its name that of the first one. stated_bytes: their size as the archive states it.
    """

    label: str
    name: str
    path: Path
    entries: tuple[str, ...] = ()
    stated_bytes: int = 0
    budget: "Budget | None" = field(default=None, compare=False)


def _alone(_: str) -> None:
    """No member of a zip is read together with others."""


def unpack(
    path: Path,
    folder: Path,
    limits: Limits,
    label: str = "",
    together: Callable[[str], str | None] = _alone,
) -> tuple[Member, ...]:
    """The plain files of a delivered file; expanded ones are written into `folder`. Raises Refusal.

    label: what rows and messages call the file; default its name.
    together: of a member's name, which members of a zip are read as one (those of one answer); None: by itself.
    """
    label = label or path.name
    size = path.stat().st_size
    if size == 0:
        raise Refusal("file.empty", f"{label} has 0 bytes")
    if size > limits.max_file_bytes:
        raise Refusal("file.oversized", f"{label} has {size:,} bytes, the limit is {limits.max_file_bytes:,}")
    lowered = path.name.casefold()
    if lowered.endswith(".gz"):
        return (_unpack_gzip(path, folder, limits, label),)
    if lowered.endswith(".zip"):
        return tuple(_unpack_zip(path, folder, limits, label, together))
    # Read through a link of a plain name: DuckDB takes brackets and stars in a name for a pattern.
    link = folder / "0.plain"
    link.symlink_to(path.resolve())
    return (Member(label, path.name, link),)


def entries(member: Member, limits: Limits, largest: int) -> Iterator[tuple[str, str, bytes]]:
    """Each of a member's entries: its name in the archive, its label and its bytes, at most `largest`; raises Refusal.

    They are read straight from the archive: thousands of small files on disk would take longer than their parsing.
    """
    budget = member.budget or Budget(member.label, member.path.stat().st_size, limits)
    with _opened_zip(member.path, member.label) as archive:
        for entry in member.entries:
            label, name, size = f"{member.label}!{entry}", PurePosixPath(entry).name, 0
            _refuse_nested(name, label)
            parts: list[bytes] = []
            for chunk in _chunks(archive, archive.getinfo(entry), label):
                if not parts:
                    _refuse_nested_bytes(chunk, name, label)
                size += len(chunk)
                if size > largest:
                    raise Refusal("file.oversized", f"{label} has more than {largest:,} bytes, the limit of a message")
                budget.spend(len(chunk))
                parts.append(chunk)
            if not parts:
                raise Refusal("file.empty", f"{label} has 0 bytes")
            yield entry, label, b"".join(parts)


def check_spreadsheet(path: Path, label: str, limits: Limits) -> None:
    """Pass when an XLSX file, which is a zip, expands within the limits; raises Refusal."""
    budget = Budget(label, path.stat().st_size, limits)
    with _opened_zip(path, label) as archive:
        for info in archive.infolist():
            for chunk in _chunks(archive, info, label):
                budget.spend(len(chunk))


def to_utf8(path: Path, encoding: str, folder: Path, label: str) -> Path:
    """A path of the same text in UTF-8 without byte-order mark; the same path when it already is. Raises Refusal."""
    codec = codecs.lookup(encoding).name
    with path.open("rb") as file:
        has_mark = file.read(3) == codecs.BOM_UTF8
    if codec == "utf-8" and has_mark:
        codec = "utf-8-sig"
    is_plain = codec in ("utf-8", "ascii")
    target = path if is_plain else folder / f"{path.name}.utf8"
    decoder = codecs.getincrementaldecoder(codec)(errors="strict")
    lines = 0
    with path.open("rb") as file, target.open("rb") if is_plain else target.open("wb") as output:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n") + 1
                raise Refusal(
                    "file.wrongly_encoded",
                    f"{label}: line {line} is no {encoding} text (byte 0x{error.object[error.start]:02x})",
                ) from None
            if "\x00" in text:
                line = lines + text[: text.index("\x00")].count("\n") + 1
                raise Refusal(
                    "file.wrongly_encoded", f"{label}: line {line} holds a NUL, which {encoding} text has not"
                )
            lines += text.count("\n")
            if not is_plain:
                output.write(text.encode("utf-8"))
            if not chunk:
                return target


class Budget:
    """Counts expanded bytes and refuses at the first byte too many."""

    def __init__(self, label: str, packed: int, limits: Limits) -> None:
        self.label, self.packed, self.limits, self.expanded = label, packed, limits, 0

    def spend(self, count: int) -> None:
        """Count bytes that were expanded; raises Refusal at the first one too many."""
        self.expanded += count
        if self.expanded > self.limits.max_expanded_bytes:
            raise Refusal(
                "file.oversized", f"{self.label} expands to more than {self.limits.max_expanded_bytes:,} bytes"
            )
        if self.expanded > RATIO_FLOOR and self.expanded > self.packed * self.limits.max_ratio:
            raise Refusal(
                "file.bomb",
                f"{self.label} expands to more than {self.limits.max_ratio:g} times its {self.packed:,} bytes",
            )


def _unpack_gzip(path: Path, folder: Path, limits: Limits, label: str) -> Member:
    name = path.name[: -len(".gz")]
    _refuse_nested(name, label)
    target = folder / "0.plain"
    budget = Budget(label, path.stat().st_size, limits)
    try:
        with gzip.open(path, "rb") as source, target.open("wb") as output:
            while chunk := source.read(CHUNK):
                if budget.expanded == 0:
                    _refuse_nested_bytes(chunk, name, label)
                budget.spend(len(chunk))
                output.write(chunk)
    except EOFError:
        raise Refusal("file.truncated", f"{label}: the gzip stream ends early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Refusal("file.unreadable", f"{label}: no gzip stream ({error})") from None
    if budget.expanded == 0:
        raise Refusal("file.empty", f"{label} expands to 0 bytes")
    return Member(label, name, target)


def _unpack_zip(
    path: Path, folder: Path, limits: Limits, label: str, together: Callable[[str], str | None]
) -> Iterator[Member]:
    budget = Budget(label, path.stat().st_size, limits)
    with _opened_zip(path, label) as archive:
        infos = [info for info in archive.infolist() if _is_file(info, label)]
        if not infos:
            raise Refusal("file.empty", f"{label}: the archive has no file")
        joined, single = _joined(infos, together)
        for count, limit in ((len(single), MAX_MEMBERS), (len(infos), MAX_MESSAGES)):
            if count > limit:
                raise Refusal("file.oversized", f"{label} has {count:,} members, the limit is {limit:,}")
        twice = {name for name, count in Counter(info.filename for info in infos).items() if count > 1}
        if twice:
            raise Refusal("file.unreadable", f"{label}: the member {min(twice)} stands twice")
        for number, info in enumerate(single):
            inner, name = f"{label}!{info.filename}", PurePosixPath(info.filename).name
            _refuse_nested(name, inner)
            target = folder / f"{number}.plain"
            is_first = True
            with target.open("wb") as output:
                for chunk in _chunks(archive, info, inner):
                    if is_first:
                        _refuse_nested_bytes(chunk, name, inner)
                    is_first = False
                    budget.spend(len(chunk))
                    output.write(chunk)
            if is_first:
                raise Refusal("file.empty", f"{inner} has 0 bytes")
            yield Member(inner, name, target)
    for group in joined:
        names = tuple(info.filename for info in group)
        stated = sum(info.file_size for info in group)
        yield Member(label, PurePosixPath(names[0]).name, path, names, stated, budget)


def _joined(
    infos: Sequence[zipfile.ZipInfo], together: Callable[[str], str | None]
) -> tuple[list[list[zipfile.ZipInfo]], list[zipfile.ZipInfo]]:
    """The members that are read as one, group by group, and those that are read by themselves."""
    groups: dict[str, list[zipfile.ZipInfo]] = {}
    single = []
    for info in infos:
        group = together(PurePosixPath(info.filename).name)
        if group is None:
            single.append(info)
        else:
            groups.setdefault(group, []).append(info)
    return list(groups.values()), single


def _opened_zip(path: Path, label: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            starts_well = file.read(4) == ZIP_MAGIC
        # The directory of a zip stands at its end: a good beginning without it is a file that broke off.
        rule = "file.truncated" if starts_well else "file.unreadable"
        raise Refusal(rule, f"{label}: the archive has no readable directory ({error})") from None


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> Iterator[bytes]:
    if info.flag_bits & 0x1:
        raise Refusal("file.unreadable", f"{label} is encrypted")
    try:
        source: IO[bytes]
        with archive.open(info) as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except EOFError:
        raise Refusal("file.truncated", f"{label}: the compressed data ends early") from None
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError) as error:  # RuntimeError: methods of other packers
        raise Refusal("file.unreadable", f"{label}: the member cannot be expanded ({error})") from None


def _is_file(info: zipfile.ZipInfo, archive: str) -> bool:
    """Whether a member is to be read; raises Refusal for one that points outside."""
    name = info.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise Refusal("file.unsafe_path", f"{archive}: the member {info.filename!r} points outside of the archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Refusal("file.unsafe_path", f"{archive}: the member {info.filename!r} is a symbolic link")
    # Systems add folders, hidden files and __MACOSX by themselves; they hold no records.
    return not (info.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith("."))


def _refuse_nested(name: str, label: str) -> None:
    if name.casefold().endswith(ARCHIVE_ENDINGS):
        raise Refusal("file.nested_archive", f"{label}: {name} is an archive inside an archive")


def _refuse_nested_bytes(chunk: bytes, name: str, label: str) -> None:
    is_zip = chunk.startswith(ZIP_MAGIC) and not name.casefold().endswith(".xlsx")
    if is_zip or chunk.startswith(GZIP_MAGIC):
        raise Refusal("file.nested_archive", f"{label}: the bytes of {name} are an archive inside an archive")
