"""A dbt-duckdb plugin that attaches the run's private database as `run`.

The path comes from the environment and not from the profile: dbt hashes its profile, and one that changed with every
run would make dbt parse the whole project again.
"""

import hashlib
import os

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from orchestration.modeling.identifiers import add_functions
from orchestration.settings import LIGHT_COMPRESSION, Settings

RUN_DATABASE = "TRADEWIND_RUN_DATABASE"
_BLOCK = 64


def keyed_hash_macro(secret: str) -> str:
    """SQL of the macro `pseudonym(value)`: HMAC-SHA-256 (RFC 2104) of a text, 32 hex digits; null stays null."""
    key = secret.encode()
    key = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
    key = key.ljust(_BLOCK, b"\0")
    inner = "".join(f"\\x{byte ^ 0x36:02x}" for byte in key)
    outer = "".join(f"\\x{byte ^ 0x5C:02x}" for byte in key)
    return (
        "create or replace temp macro pseudonym(value) as "
        f"substr(sha256('{outer}'::blob || unhex(sha256('{inner}'::blob || encode(value)))), 1, 32)"
    )


class Plugin(BasePlugin):
    """Gives each dbt connection the run's database and the keyed hash."""

    # dbt opens a cursor for each model and test: settings are read once for all of them.
    _keyed_hash = ""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Attach the database that the run named."""
        settings = Settings()
        self._keyed_hash = keyed_hash_macro(settings.pseudonym_secret())
        path = os.environ[RUN_DATABASE].replace("'", "''")
        conn.execute(f"attach if not exists '{path}' as run")
        conn.execute(f"set memory_limit = '{settings.duckdb_memory}'")
        conn.execute(f"set threads = {settings.duckdb_threads}")
        conn.execute("set TimeZone = 'UTC'")
        conn.execute(LIGHT_COMPRESSION)

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Give the cursor the keyed hash: a temporary macro is known to one cursor only, and the key to no file."""
        cursor.execute(self._keyed_hash)
        add_functions(cursor)
