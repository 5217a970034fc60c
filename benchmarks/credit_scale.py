"""A scorecard at size: fitted on 100,000 rows, and a million rows scored with reasons, each as a command.

    python -m benchmarks.credit_scale train ROWS.parquet CARD.json
    python -m benchmarks.credit_scale score CARD.json ROWS.parquet OUT.parquet

Belongs here: made-up rows with numbers, gaps, codes and categories, and the two commands. Does not: how good a card is.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness import Measured, Value, run_command
from orchestration.credit.scorecard.card import Scorecard
from orchestration.credit.scorecard.characteristic import Characteristic
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.settings import PROJECT_ROOT

TRAINING_ROWS = 100_000
SCORED_ROWS = 1_000_000
NUMBERS = 20
CATEGORIES = 4
_SEED = 7


def characteristics() -> list[Characteristic]:
    """Twenty numbers (with and without direction, codes in five of them) and four categories."""
    numbers = [
        Characteristic(
            f"number_{place}", 1 if place % 3 == 0 else 0, specials={-9.0: "withheld"} if place % 4 == 0 else {}
        )
        for place in range(NUMBERS)
    ]
    return numbers + [Characteristic(f"category_{place}", is_categorical=True) for place in range(CATEGORIES)]


def made_up(row_count: int, seed: int) -> pd.DataFrame:
    """Rows whose columns all say a little about `is_bad` (5 %)."""
    generator = np.random.default_rng(seed)
    latent = generator.normal(size=row_count)
    columns: dict[str, object] = {}
    for place in range(NUMBERS):
        values = np.exp(0.25 * latent + generator.normal(size=row_count))
        values[generator.random(row_count) < 0.02 * place] = np.nan
        if place % 4 == 0:
            values[generator.random(row_count) < 0.03] = -9.0
        columns[f"number_{place}"] = values
    for place in range(CATEGORIES):
        codes = np.clip(np.rint(6 + 3 * (0.3 * latent + generator.normal(size=row_count))), 0, 12).astype(np.int64)
        columns[f"category_{place}"] = np.array([f"kind {code}" for code in range(13)])[codes]
    columns["is_bad"] = generator.random(row_count) < 1 / (1 + np.exp(3.5 + 1.2 * latent))
    return pd.DataFrame(columns)


def measure_scale() -> Measured:
    """Wall seconds of both commands from start to end, reading and writing files included, and the larger peak."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made_up(TRAINING_ROWS, _SEED).to_parquet(place / "train.parquet")
        made_up(SCORED_ROWS, _SEED + 1).drop(columns="is_bad").to_parquet(place / "rows.parquet")
        command = [sys.executable, "-m", "benchmarks.credit_scale"]
        train = run_command([*command, "train", place / "train.parquet", place / "card.json"], cwd=PROJECT_ROOT)
        score = run_command(
            [*command, "score", place / "card.json", place / "rows.parquet", place / "out.parquet"], cwd=PROJECT_ROOT
        )
    inner = json.loads(score.output.strip().splitlines()[-1])
    return {
        "train_100k_wall_s": Value(train.wall_s),
        "score_1m_wall_s": Value(score.wall_s, {"without files": inner["score_s"]}),
        "peak_gb": Value(max(train.peak_gb, score.peak_gb), {"train": train.peak_gb, "score": score.peak_gb}),
    }


def main(arguments: list[str]) -> int:
    """Train or score; prints the seconds of the work itself as JSON."""
    if arguments[0] == "train":
        frame = pd.read_parquet(arguments[1])
        started = time.perf_counter()
        card = fit_scorecard(frame, frame["is_bad"], characteristics())
        print(json.dumps({"train_s": time.perf_counter() - started}))
        Path(arguments[2]).write_text(card.to_json(), encoding="utf-8")
        return 0
    card = Scorecard.from_json(Path(arguments[1]).read_text(encoding="utf-8"))
    frame = pd.read_parquet(arguments[2])
    started = time.perf_counter()
    scored = card.score_with_reasons(frame)
    seconds = time.perf_counter() - started
    scored.to_parquet(arguments[3])
    print(json.dumps({"score_s": seconds, "rows": len(scored)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
