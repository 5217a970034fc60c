"""Shelves: where files wait, where accepted ones are kept, and where refused ones stand with their reason.

Belongs here: listing the inbox and moving files. Does not: deciding what happens to a file (see `intake.py`).
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from orchestration.arrivals.refusal import RULES
from orchestration.arrivals.report import FileOutcome
from orchestration.settings import Settings

# Writers that cannot rename in one step use these endings while they write.
UNFINISHED = (".part", ".tmp", ".partial", ".crdownload")


def waiting(settings: Settings) -> Sequence[Path]:
    """The finished files of the inbox and its folders, in order of name."""
    if not settings.inbox.is_dir():
        return ()
    return sorted(path for path in settings.inbox.rglob("*") if _is_finished(path, settings.inbox))


def label(settings: Settings, path: Path) -> str:
    """What rows and messages call a file: its name, and below the inbox its folders, too."""
    if not _is_inside(path, settings.inbox):
        return path.name
    return path.resolve().relative_to(settings.inbox.resolve()).as_posix()


def fingerprint(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def promise(settings: Settings, loaded: Sequence[tuple[Path, str]]) -> None:
    """Note which files (with their sha256) are about to be loaded, so that a kill after the commit can be finished."""
    settings.runs.mkdir(parents=True, exist_ok=True)
    draft = _promises(settings).with_suffix(".tmp")
    draft.write_text(json.dumps([[str(path.resolve()), sha256] for path, sha256 in loaded]), encoding="utf-8")
    draft.replace(_promises(settings))


def promised(settings: Settings) -> Sequence[tuple[Path, str]]:
    """The files of a promise that an arrival left open, as far as they still wait unchanged."""
    if not _promises(settings).exists():
        return ()
    noted = [(Path(path), str(sha256)) for path, sha256 in json.loads(_promises(settings).read_text(encoding="utf-8"))]
    return [(path, sha256) for path, sha256 in noted if path.is_file() and fingerprint(path) == sha256]


def keep_promise(settings: Settings) -> None:
    """Forget the promise: all its files stand where they belong."""
    _promises(settings).unlink(missing_ok=True)


def land(settings: Settings, path: Path, sha256: str) -> Path:
    """Keep an accepted file unchanged: an inbox file moves, another one is copied. Gives its new path."""
    target = _free(settings.landing, path.name, sha256)
    _transfer(settings, path, target)
    return target


def landed(settings: Settings, name: str, sha256: str) -> Path | None:
    """Where an accepted file of this label and content is kept; None when it is no longer there."""
    plain = settings.landing / Path(name).name
    kept = (plain, _kept(settings.landing, plain.name, sha256))
    return next((path for path in kept if path.is_file() and fingerprint(path) == sha256), None)


def reject(settings: Settings, path: Path, outcome: FileOutcome, at: datetime) -> Path:
    """Put a refused inbox file aside with its reason; of a file from elsewhere only the reason is written."""
    target = _free(settings.rejected, path.name, outcome.sha256)
    if _is_inside(path, settings.inbox):
        _transfer(settings, path, target)
    record = {
        "file": outcome.name,
        "rule": outcome.rule,
        "reason": outcome.reason,
        "source": outcome.source_id,
        "sha256": outcome.sha256,
        "size": outcome.size,
        "at": at.isoformat(timespec="seconds"),
    }
    note = target.with_name(f"{target.name}.reason.txt")
    note.parent.mkdir(parents=True, exist_ok=True)
    words = f"{outcome.name} was refused as a whole.\n\n{RULES[outcome.rule]}\n{outcome.reason}\n\n"
    note.write_text(words + json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def _promises(settings: Settings) -> Path:
    return settings.runs / "arrival.promise.json"


def _is_finished(path: Path, inbox: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(inbox).parts)
    # A link could name any file of the machine.
    return path.is_file() and not path.is_symlink() and not hidden and not path.name.casefold().endswith(UNFINISHED)


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _kept(folder: Path, name: str, sha256: str) -> Path:
    stem, dot, ending = name.partition(".")
    return folder / f"{stem}~{sha256[:8]}{dot}{ending}"


def _free(folder: Path, name: str, sha256: str) -> Path:
    """The file's own name, or with the beginning of its hash where another file has that name."""
    path = folder / name
    return path if not path.exists() else _kept(folder, name, sha256)


def _transfer(settings: Settings, path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if _is_inside(path, settings.inbox):
        shutil.move(path, target)
    else:
        # A kill while copying must not leave half a file under the final name.
        draft = target.with_name(f".{target.name}.part")
        shutil.copyfile(path, draft)
        draft.replace(target)
