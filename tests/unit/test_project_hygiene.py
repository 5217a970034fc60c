"""Promises about the tree itself: who imports what, what no file may contain, what must agree with what."""

import ast
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from orchestration.markets import check_append_only
from orchestration.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("orchestration", "expectations", "benchmarks")
LONGEST_FILE = 400

# Modules that may know Dagster: a thin shell, told by the name of the file. Everything else is the pure core.
SHELL_FILES = {
    "assets.py",
    "checks.py",
    "definitions.py",
    "lineage.py",
    "partitions.py",
    "platform.py",
    "translator.py",
}
SHELL_PACKAGES = ("orchestration.running",)
# Seconds each, on every start of a run or of the UI, so they are imported where they are used.
HEAVY = ("dbt", "great_expectations", "matplotlib", "statsmodels")

# Assembled, so that this file does not contain what it looks for.
REGISTRIES = re.compile("|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)")))
MACHINE_PATHS = re.compile(r"(?<![\w.$~-])/(?:" + "|".join(("wor" + "k", "roo" + "t")) + r")/\w")


@cache
def project_files():
    """Every file of the project that git knows or would add; without git, what lies outside the generated folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY, capture_output=True
    )
    if listed.returncode == 0:
        found = [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    else:
        generated = {".venv", "var", "target", "__pycache__", ".git"}
        found = [path for path in REPOSITORY.rglob("*") if not generated & set(path.relative_to(REPOSITORY).parts)]
    return [path for path in found if path.is_file()]


@cache
def modules():
    """Path of each of our modules by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_names(tree, *, at_import_only):
    """Dotted names that a module imports; `at_import_only` leaves out what functions and type checkers import."""
    pending = list(ast.iter_child_nodes(tree))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif at_import_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))


@cache
def imports_of(module, at_import_only):
    """What one of our modules imports: our modules by name (with the packages that hold them), others by first part."""
    names = set()
    for name in imported_names(ast.parse(modules()[module].read_text()), at_import_only=at_import_only):
        parts = name.split(".")
        if parts[0] not in PACKAGES:
            names.add(parts[0])
        names |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)} & modules().keys()
    return frozenset(names)


def path_to(start, targets, at_import_only):
    """The chain of imports from a module to the first of the targets, or None."""
    chains = {start: [start]}
    pending = [start]
    while pending:
        module = pending.pop(0)
        for name in sorted(imports_of(module, at_import_only)):
            if name in targets:
                return [*chains[module], name]
            if name in modules() and name not in chains:
                chains[name] = [*chains[module], name]
                pending.append(name)
    return None


def is_shell(module):
    return modules()[module].name in SHELL_FILES or module.startswith(SHELL_PACKAGES)


def core():
    # Benchmarks measure the whole, Dagster with it.
    return sorted(module for module in modules() if not is_shell(module) and not module.startswith("benchmarks"))


def test_the_core_is_where_the_work_is():
    assert {
        "expectations",
        "orchestration.arrivals.mapping",
        "orchestration.lake.publishing",
        "orchestration.forecasting.models",
        "orchestration.modeling.structure",
        "orchestration.runs.plan",
    } <= set(core())


def test_the_core_never_reaches_dagster():
    chains = [path_to(module, {"dagster", "dagster_dbt"}, at_import_only=False) for module in core()]
    assert [" -> ".join(chain) for chain in chains if chain] == []


def test_the_code_location_loads_without_the_heavy_libraries():
    chains = [path_to("orchestration.definitions", {library}, at_import_only=True) for library in HEAVY]
    assert [" -> ".join(chain) for chain in chains if chain] == []


def test_the_walk_sees_an_import_inside_a_function_and_skips_it_when_asked():
    tree = ast.parse("import a.b\nif TYPE_CHECKING:\n    import c\ndef f():\n    from d import e\n")
    assert set(imported_names(tree, at_import_only=False)) == {"a.b", "c", "d", "d.e"}
    assert set(imported_names(tree, at_import_only=True)) == {"a.b"}


def lines_with(pattern):
    found = []
    for path in project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # samples in other encodings, pictures
        found += [
            f"{path.relative_to(REPOSITORY)}:{number}: {match.group()}"
            for number, line in enumerate(text.splitlines(), 1)
            if (match := pattern.search(line))
        ]
    return found


def test_no_file_names_a_package_registry():
    assert lines_with(REGISTRIES) == []


def test_no_file_holds_a_path_of_some_machine():
    assert lines_with(MACHINE_PATHS) == []
    here = {str(REPOSITORY), os.environ.get("HOME", "")} - {"", "/"}
    assert lines_with(re.compile("|".join(re.escape(f"{path}/") for path in sorted(here)))) == []


@pytest.mark.parametrize("suffix", [".py", ".sql"])
def test_a_file_holds_one_idea(suffix):
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines())
        for path in project_files()
        if path.suffix == suffix
    }
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def locked():
    """Each entry of the lock: its requirement, and how many hashes it has."""
    entries = (REPOSITORY / "requirements.lock").read_text().replace("\\\n", " ")
    for line in entries.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split("--hash=")
            yield requirement.strip(), hashes


def test_the_lock_pins_and_hashes_everything():
    entries = list(locked())
    assert len(entries) > 100
    for requirement, hashes in entries:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==[^\s;]+( ;.+)?$", requirement), requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", value) for value in hashes), requirement


def test_the_lock_names_no_index_and_no_folder():
    text = (REPOSITORY / "requirements.lock").read_text()
    options = re.findall(r"^\s*-(?!-hash).*|.*(?:index-url|find-links|https?://|file:|@ ).*", text, flags=re.MULTILINE)
    assert options == []


def test_markets_were_only_ever_added_at_the_end():
    def codes(text):
        return [entry["code"] for entry in yaml.safe_load(text)]

    current = codes((REPOSITORY / "markets.yaml").read_text())
    assert len(current) > 30
    log = subprocess.run(
        ["git", "log", "--format=%H", "--", "markets.yaml"], cwd=REPOSITORY, capture_output=True, text=True
    )
    for commit in log.stdout.split():
        earlier = subprocess.run(
            ["git", "show", f"{commit}:markets.yaml"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        check_append_only(codes(earlier.stdout), current)


def test_env_example_and_settings_name_the_same_variables():
    shown = set(re.findall(r"^#?(TRADEWIND_[A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), flags=re.MULTILINE))
    known = {f"TRADEWIND_{name.upper()}" for name in Settings.model_fields}
    assert shown == known


def test_env_example_shows_the_defaults(tmp_path, monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRADEWIND_{name.upper()}", raising=False)
    monkeypatch.chdir(REPOSITORY)
    shown = re.findall(r"^#(TRADEWIND_[A-Z_]+=.+)$", (REPOSITORY / ".env.example").read_text(), flags=re.MULTILINE)
    (tmp_path / ".env").write_text("\n".join(shown))
    plain, read = Settings(_env_file=None), Settings(_env_file=tmp_path / ".env")
    for name in Settings.model_fields:
        default, value = getattr(plain, name), getattr(read, name)
        assert value == default or (isinstance(value, Path) and value.resolve() == default), name


def test_the_server_configuration_reads_only_documented_variables():
    used = set(re.findall(r"env: ([A-Z_]+)", (REPOSITORY / "deploy" / "dagster.yaml").read_text()))
    documented = set(re.findall(r"^#([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), flags=re.MULTILINE))
    assert used
    assert used <= documented
