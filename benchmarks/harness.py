"""The frame of every benchmark: metrics with goals, commands measured from outside, a table or JSON lines.

Belongs here: what all benchmarks share. Does not: what they measure.

    SUITE = Suite("pipeline")

    @SUITE.measures(Metric("wall_s", unit="s", goal=25.0), Metric("peak_gb", unit="GB", goal=2.0))
    def one_market() -> Measured:
        run = run_command(["dagster", "job", "execute", ...])
        return {"wall_s": Value(run.wall_s, {"plain SQL": 1.2}), "peak_gb": Value(run.peak_gb)}

    if __name__ == "__main__":
        sys.exit(SUITE.main(sys.argv[1:]))
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import psutil

_SAMPLE_SECONDS = 0.05
_SHOWN_LINES = 30
# macOS counts bytes, everybody else kibibytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Metric:
    """A figure that is promised: its name, unit, goal (None: reported only) and which side of the goal is good.

    at_most: the upper end of a band whose lower end is the goal; a band that holds too much is too wide.
    """

    name: str
    unit: str
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    at_most: float | None = None

    def verdict(self, value: float) -> str:
        """`met`, `missed`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        is_good = value <= self.goal if self.better == "lower" else value >= self.goal
        return "met" if is_good and (self.at_most is None or value <= self.at_most) else "missed"


@dataclass(frozen=True)
class Value:
    """What was measured, and what others reached at the same work in the same run, by name and in the same unit."""

    value: float
    competitors: Mapping[str, float] = field(default_factory=dict)


Measured = Mapping[str, Value]


@dataclass(frozen=True)
class CommandRun:
    """A finished command: wall seconds, peak memory in GB (10^9 bytes) and what it printed."""

    wall_s: float
    peak_gb: float
    output: str


class BenchmarkError(RuntimeError):
    """A benchmark could not be measured; the message names the command or metric and what it said."""


def run_command(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 1800.0,
) -> CommandRun:
    """Run a command to its end and measure it from outside.

    Peak memory is the larger of two figures, since each misses something: the sum of the resident memory of the whole
    process tree, sampled with psutil twenty times a second (misses a short peak), and the kernel's high-water mark of
    the largest single process (getrusage of the child; misses what several processes hold together, and counts only
    above this process's own peak, which a child inherits).
    `environment` is added to this process's. Raises BenchmarkError when the command fails or takes too long.
    """
    words = [str(word) for word in command]
    # The kernel counts what a child inherited from this process before it became another program.
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
    with tempfile.TemporaryFile("w+") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            text=True,
        )
        tree_peak = 0
        while True:
            finished, status, usage = os.wait4(process.pid, os.WNOHANG)
            wall_s = time.perf_counter() - started
            if finished:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            tree_peak = max(tree_peak, _tree_bytes(process.pid))
            if wall_s > timeout_s:
                _end(process)
                raise BenchmarkError(f"{' '.join(words)}: not finished after {timeout_s:.0f} s\n{_tail(printed)}")
            time.sleep(_SAMPLE_SECONDS)
        if process.returncode:
            raise BenchmarkError(f"{' '.join(words)}: exit status {process.returncode}\n{_tail(printed)}")
        largest = usage.ru_maxrss * _RSS_UNIT
        own = largest if largest > inherited else 0
        printed.seek(0)
        return CommandRun(wall_s, max(tree_peak, own) / 1e9, printed.read())


def _tree_bytes(pid: int) -> int:
    """Resident bytes of a process and all below it; what has just ended counts nothing."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
    except psutil.Error:
        return total
    return total


def _end(process: subprocess.Popen[str]) -> None:
    """End a command and all that it started."""
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in below:
        try:
            child.kill()
        except psutil.Error:
            continue


def _tail(printed: IO[str]) -> str:
    printed.seek(0)
    return "".join(printed.readlines()[-_SHOWN_LINES:])


class Suite:
    """The metrics of one subject, and the command that measures them."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._measurements: list[tuple[tuple[Metric, ...], Callable[[], Measured]]] = []

    def measures(self, *metrics: Metric) -> Callable[[Callable[[], Measured]], Callable[[], Measured]]:
        """Register a function that measures these metrics, several of them in one go where one run gives several."""
        known = [metric.name for metric in self.metrics()]
        for metric in metrics:
            if metric.name in known:
                raise ValueError(f"benchmark {self.title}: metric {metric.name} is measured twice")
            known.append(metric.name)

        def register(measure: Callable[[], Measured]) -> Callable[[], Measured]:
            self._measurements.append((metrics, measure))
            return measure

        return register

    def metrics(self) -> list[Metric]:
        """Every metric, in the order in which it was registered."""
        return [metric for metrics, _ in self._measurements for metric in metrics]

    def main(self, arguments: Sequence[str]) -> int:
        """Measure and print; the exit status is 1 when something could not be measured, not when a goal is missed."""
        options = self._options(arguments)
        if not options.json:
            print(f"{self.title}: {machine()}")
        failed = False
        for metrics, measure in self._measurements:
            wanted = [metric for metric in metrics if not options.only or metric.name in options.only]
            if not wanted:
                continue
            try:
                measured = measure()
                lines = [_line(metric, measured[metric.name], as_json=options.json) for metric in wanted]
            except BenchmarkError as error:
                print(f"{', '.join(metric.name for metric in wanted)}: {error}", file=sys.stderr)
                failed = True
                continue
            # Each as soon as it is known: the next one may take minutes.
            print("\n".join(lines), flush=True)
        return 1 if failed else 0

    def _options(self, arguments: Sequence[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.{self.title}", description=f"Measure {self.title}."
        )
        names = [metric.name for metric in self.metrics()]
        parser.add_argument("--json", action="store_true", help="one JSON object per metric and line")
        parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
        return parser.parse_args(arguments)


def _line(metric: Metric, measured: Value, *, as_json: bool) -> str:
    value = round(measured.value, 4)
    competitors = {name: round(figure, 4) for name, figure in measured.competitors.items()}
    if as_json:
        line = {
            "name": metric.name,
            "value": value,
            "unit": metric.unit,
            "goal": metric.goal,
            "competitors": competitors,
        }
        if metric.at_most is not None:
            line["at_most"] = metric.at_most
        return json.dumps(line, ensure_ascii=False)
    sign = "≤" if metric.better == "lower" else "≥"
    goal = ""
    if metric.goal is not None:
        promised = f"{sign} {metric.goal:g}" if metric.at_most is None else f"{metric.goal:g} to {metric.at_most:g}"
        goal = f"goal {promised}  {metric.verdict(measured.value)}"
    others = "  ".join(f"{name} {figure:g}" for name, figure in competitors.items())
    return f"  {metric.name:<28} {value:>12g} {metric.unit:<6} {goal:<24} {others}".rstrip()


def machine() -> str:
    """Where and when: cores, memory, Python and the date, for the head of a table of results."""
    memory = psutil.virtual_memory().total / 1e9
    today = datetime.now(UTC).date().isoformat()
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.machine()}, Python {platform.python_version()}, {today}"
