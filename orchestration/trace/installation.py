"""Where the traced installation keeps its catalog and its files, told without the settings' own import.

Belongs here: the two settings that a trace needs. Does not: all others (see orchestration/settings.py).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.settings import Settings


@dataclass(frozen=True)
class Home:
    """The folder of one installation, and the address of its catalog."""

    folder: Path
    catalog_uri: str

    @classmethod
    def from_settings(cls, settings: "Settings") -> "Home":
        """The home that these settings name."""
        return cls(settings.home.resolve(), settings.catalog)

    @classmethod
    def from_environment(cls) -> "Home":
        """The home that `Settings()` would name; where no file `.env` speaks, two variables and one default tell it.

        Importing the settings takes a quarter of a second, a quarter of what a trace may take.
        """
        if Path(".env").exists():
            from orchestration.settings import Settings

            return cls.from_settings(Settings())
        named = {name.upper(): value for name, value in os.environ.items()}
        default = Path(__file__).resolve().parent.parent.parent / "var"
        folder = Path(named.get("TRADEWIND_HOME", default)).resolve()
        return cls(folder, named.get("TRADEWIND_CATALOG_URI") or f"sqlite:///{folder / 'catalog.db'}")

    @property
    def warehouse(self) -> Path:
        """Where the lake's files lie."""
        return self.folder / "lake"

    @property
    def lists(self) -> Path:
        """Where the lists of files are kept."""
        return self.folder / "trace"
