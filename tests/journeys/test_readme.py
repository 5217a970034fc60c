"""The README's own words, run as they stand: Online Retail from a file to figures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT

SHARED = Path(os.environ.get("TRADEWIND_SHARED_DATA", PROJECT_ROOT.parent / "shared" / "data"))
FILE = SHARED / "online_retail" / "online_retail_2010_2011.parquet"
# The environment exists already: these two lines would make it again.
DONE_BEFORE = ("make setup", ". .venv/bin/activate")


def example() -> str:
    """The commands of "Your own files in five minutes"."""
    section = (PROJECT_ROOT / "README.md").read_text().split("## Your own files in five minutes")[1].split("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    lines = block.group(1).splitlines()
    assert all(line in lines for line in DONE_BEFORE)
    return "\n".join(line for line in lines if line not in DONE_BEFORE)


def test_the_online_retail_example_works_as_written(tmp_path: Path) -> None:
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not beside the project")
    (tmp_path / "deploy").symlink_to(PROJECT_ROOT / "deploy")
    script = example().replace("path/to/online_retail_2010_2011.parquet", str(FILE))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TRADEWIND_HOME": str(tmp_path / "var"),
        },
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # What the README says of the 541,909 rows.
    numbers = re.findall(r"│\s*(\d+)\s*(?=│)", done.stdout)
    for figure in ("541909", "535379", "5263", "1267"):
        assert figure in numbers, done.stdout
