"""A real PostgreSQL for tests: started once per test process in a temporary folder, one new database per test.

Belongs here: finding, starting and stopping the server. Does not: what is tested on it.
Use it by importing the fixture: `from tests.postgres import postgres_uri`.
"""

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PORT = 5432  # names the socket in the server's own folder; no network port is opened
OWNERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Server:
    """A running server that listens on a socket in its own folder."""

    folder: Path

    def uri(self, database: str) -> str:
        """The SQLAlchemy address of a database."""
        return f"postgresql+psycopg2://owner@/{database}?host={self.folder}&port={PORT}"


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, or None when PostgreSQL is not installed."""
    candidates = []
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(answer.stdout.strip()))
    if server := shutil.which("postgres"):
        candidates.append(Path(server).resolve().parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((path for path in candidates if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


def owner() -> str | None:
    """The system user that must run the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in OWNERS if name in known), None)


def run(user: str | None, *command: str) -> None:
    """Run a server command as its user; its output becomes the failure's message."""
    # Not captured through a pipe: the server would inherit it and keep it open.
    with tempfile.TemporaryFile("w+") as output:
        code = subprocess.run(
            command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        ).returncode
        if code:
            output.seek(0)
            pytest.fail(f"{' '.join(command)}: exit code {code}\n{output.read()}")


@functools.cache
def server() -> Server:
    """The process's one server; stopped and removed at its end."""
    folder_of_programs = binaries()
    if folder_of_programs is None:
        pytest.fail("no PostgreSQL server on this machine: install the Debian package `postgresql`")
    user = owner()
    folder = Path(tempfile.mkdtemp(prefix="tradewind-pg-"))
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    run(user, str(folder_of_programs / "initdb"), "-D", str(data), "-U", "owner", "-A", "trust", "-E", "UTF8", "-N")
    options = f"-k {folder} -p {PORT} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
    control = (str(folder_of_programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"))
    run(user, *control, "-o", options, "start")
    parent = os.getpid()

    def stop() -> None:
        if os.getpid() == parent:  # a forked child must not stop its parent's server
            subprocess.run([*control, "-m", "immediate", "stop"], user=user, cwd="/", capture_output=True, check=False)
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return Server(folder)


@pytest.fixture
def postgres_uri() -> Iterator[str]:
    """The SQLAlchemy address of a new, empty database."""
    import sqlalchemy as sa

    running = server()
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(running.uri("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    yield running.uri(name)
    with engine.connect() as connection:
        connection.execute(sa.text(f"drop database {name} with (force)"))
