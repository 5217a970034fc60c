"""Settings: where this installation keeps its files and how much it accepts.

Belongs here: values that differ from one installation to the next, read from the environment (`TRADEWIND_…`).
Does not: business rules (seeds, contracts, expectations) and markets (`markets.yaml`).
"""

import secrets
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
# A run's database lives as long as its run: packing its texts would cost as much as all else that its tables cost.
LIGHT_COMPRESSION = "set disabled_compression_methods = 'dict_fsst,fsst,zstd'"


class Settings(BaseSettings):
    """Every setting of one installation; each has a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix="TRADEWIND_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default=PROJECT_ROOT / "var", description="Folder of everything this installation writes.")
    catalog_uri: str = Field(default="", description="SQLAlchemy address of the catalog; empty: SQLite under `home`.")
    markets_file: Path = Field(default=PROJECT_ROOT / "markets.yaml", description="The list of markets.")
    pseudonym_key: SecretStr | None = Field(default=None, description="Key of the personal-data hash.")
    max_file_bytes: int = Field(default=2 * 1024**3, gt=0, description="Largest file as delivered.")
    max_expanded_bytes: int = Field(default=8 * 1024**3, gt=0, description="Largest file after decompression.")
    max_compression_ratio: float = Field(default=200.0, gt=1, description="Above this an archive counts as a bomb.")
    duckdb_memory: str = Field(default="900MB", description="Memory limit of one run's DuckDB.")
    duckdb_threads: int = Field(default=2, gt=0, description="Threads of one run's DuckDB.")

    unresolved_value_pct: float = Field(
        default=0.5, ge=0, le=100, description="Share of a market's value in quarantine that holds the market back."
    )

    credit_policy_file: Path = Field(
        default=PROJECT_ROOT / "orchestration" / "credit" / "policy" / "credit_policy.csv",
        description="Dated terms of limits and guarantees by grade.",
    )
    inspection_findings: Path | None = Field(
        default=None,
        description="CSV or Parquet file with declaration_no and is_false of inspected declarations; none: no signal.",
    )
    credit_second_person_usd: float = Field(
        default=50_000.0, ge=0, description="Limits above it, set or released by hand, need a second person."
    )

    recommend_list_length: int = Field(default=20, ge=1, le=100, description="Products in a list of recommendations.")
    recommend_not_again_days: int = Field(
        default=14, ge=0, description="Days in which what a customer has bought is not recommended again."
    )
    recommend_without_consent_record: bool = Field(
        default=False, description="Whether customers of whom no consent is recorded get lists of their own."
    )

    @property
    def catalog(self) -> str:
        """SQLAlchemy address of the catalog database."""
        return self.catalog_uri or f"sqlite:///{self.home.resolve() / 'catalog.db'}"

    @property
    def inbox(self) -> Path:
        """Where files are dropped."""
        return self.home / "inbox"

    @property
    def landing(self) -> Path:
        """Where accepted files are kept, unchanged."""
        return self.home / "landing"

    @property
    def rejected(self) -> Path:
        """Where refused files are kept, each with its reason."""
        return self.home / "rejected"

    @property
    def sources(self) -> Path:
        """Where users put source mappings of their own."""
        return self.home / "sources"

    @property
    def warehouse(self) -> Path:
        """Where the lake's data and metadata files live."""
        return self.home / "lake"

    @property
    def runs(self) -> Path:
        """Where each run keeps its private database."""
        return self.home / "runs"

    @property
    def world_truth(self) -> Path:
        """Where the simulation writes the truth about its world; nothing but the scorecard reads it."""
        return self.home / "world" / "truth"

    def pseudonym_secret(self) -> str:
        """The key of the personal-data hash: from the environment, else made once and kept in `home`.

        The same key must serve for the life of the lake: another key gives the same person another hash.
        """
        if self.pseudonym_key is not None:
            return self.pseudonym_key.get_secret_value()
        path = self.home / "pseudonym.key"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{secrets.token_hex(4)}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32))
            try:
                # A hard link never replaces an existing key: of two processes that start at once, one wins.
                path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
