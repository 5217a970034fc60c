"""A million customers: from tables to the rows that are published, measured from outside in a process of its own.

Belongs here: the drawn tables, the steps, their time. Does not: promises (see `customers.py`).

The tables have the columns that the steps read, in Parquet: 10 million order lines, the ledger's answer to each (one in
twenty went back), 20,000 products in 24 categories. Making them is not measured; reading them is. To add a step, add it
to `STEPS`.

    python -m benchmarks.customers_insight FOLDER     (runs the steps on tables that `draw_tables` has made)
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.harness import Measured, Value, run_command

CUSTOMERS, LINES = 1_000_000, 10_000_000
MARKET = "GB"
DAYS, FIRST_DAY = 900, 19_000
THREADS, MEMORY = 2, "1500MB"


@dataclass(frozen=True)
class Workshop:
    """Where the drawn tables lie, and the database in which the run keeps its rows."""

    folder: Path
    run: duckdb.DuckDBPyConnection

    @contextmanager
    def views(self, market: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The drawn tables under the names of the published ones, as a run sees those of one market."""
        assert market == MARKET
        with duckdb.connect() as con:
            con.execute(f"set memory_limit = '{MEMORY}'")
            con.execute(f"set threads = {THREADS}")
            con.execute(f"set temp_directory = '{self.folder / 'spill'}'")
            for table in self.folder.glob("*.parquet"):
                con.execute(f"create view {table.stem} as select * from read_parquet('{table}')")
            con.execute(
                "create view recommendation as select * from (values ('', '', '', '', '', 1, date '2026-01-01')) as"
                " one(market, source_id, customer_key, product_key, reason, rank, made_on) where false"
            )
            yield con


def study(workshop: Workshop) -> None:
    """Purchases, RFM, retention, lifetime value with its back-test, segments, movements, tastes, portraits, groups and
    surprises, kept in the run."""
    from orchestration.customers.night import study_markets

    night = study_markets(workshop.run, workshop.views, [MARKET])
    if night.failed:
        raise RuntimeError(str(night.failed))


STEPS: tuple[tuple[str, Callable[[Workshop], None]], ...] = (("value_segments_portraits", study),)


def measure_insight() -> Measured:
    """Wall seconds of all steps with the start of their process, its peak memory, and seconds by step."""
    with tempfile.TemporaryDirectory() as name:
        draw_tables(Path(name), CUSTOMERS, LINES)
        run = run_command([sys.executable, "-m", "benchmarks.customers_insight", name])
        steps = json.loads(run.output.strip().splitlines()[-1])
    return {
        "insight_1m_wall_s": Value(run.wall_s, steps),
        "insight_1m_peak_gb": Value(run.peak_gb),
    }


def draw_tables(folder: Path, customers: int, lines: int, *, seed: int = 51) -> None:
    """Order lines of customers who buy as BG/NBD says, with tastes, in `folder`."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, DAYS, customers)
    rate, loss = rng.gamma(0.6, 1 / 42, customers), rng.beta(0.8, 5.0, customers)
    alive, now, own, days = rng.random(customers) >= loss, first.astype(np.float64), [np.arange(customers)], [first]
    while alive.any():
        rows = np.flatnonzero(alive)
        now[rows] += np.maximum(rng.exponential(1 / np.maximum(rate[rows], 1e-9)), 1.0)
        alive[rows[now[rows] >= DAYS]] = False
        rows = rows[now[rows] < DAYS]
        own.append(rows)
        days.append(now[rows].astype(np.int64))
        alive[rows] = rng.random(len(rows)) >= loss[rows]
    customer, day = np.concatenate(own), np.concatenate(days)
    per_order = rng.multinomial(lines - len(customer), np.full(len(customer), 1 / len(customer))) + 1
    order = np.repeat(np.arange(len(customer)), per_order)
    taste = rng.integers(0, 6, customers)[customer[order]]
    is_own = rng.random(len(order)) < 0.6
    category = np.where(is_own, 4 * taste + rng.integers(0, 4, len(order)), rng.integers(0, 24, len(order)))
    drawn = pa.table(
        {
            "customer": customer[order].astype(np.int32),
            "order_no": order.astype(np.int32),
            "day": (FIRST_DAY + day[order]).astype(np.int32),
            "product": (category + 24 * rng.integers(0, 830, len(order))).astype(np.int32),
            "pieces": rng.integers(1, 4, len(order)).astype(np.int8),
            "price": rng.gamma(2.0, 12.0, len(order)).round(2).astype(np.float32),
            "is_back": rng.random(len(order)) < 0.05,
        }
    )
    with duckdb.connect() as con:
        con.execute(f"set threads = {THREADS}")
        con.execute("set preserve_insertion_order = true")
        con.register("drawn", drawn)
        con.execute(
            f"""
            create table numbered as select row_number() over () as line, * from drawn;
            copy (
                select md5(line::varchar) as line_key, md5('o' || order_no) as order_key, 'shop' as source_id,
                    '{MARKET}' as market, date '1970-01-01' + day as ordered_on, md5('c' || customer) as customer_key,
                    md5('p' || product) as product_key, 'product' as product_kind, 'sale' as leg_type,
                    pieces::decimal(19, 4) as quantity, (pieces * price)::decimal(19, 4) as line_amount,
                    (pieces * price)::decimal(19, 4) as line_amount_usd, false as is_zero_price,
                    null::varchar as reverses_line_key, null::varchar as reversal_basis
                from numbered order by line
            ) to '{folder / "fct_order_lines.parquet"}' (compression zstd);
            copy (
                select md5(line::varchar) as line_key, '{MARKET}' as market, 0::decimal(19, 4) as cancelled_qty,
                    case when is_back then pieces else 0 end::decimal(19, 4) as returned_qty
                from numbered order by line
            ) to '{folder / "fct_trade_ledger.parquet"}' (compression zstd);
            copy (
                select md5('p' || product) as product_key, 'category_' || (product % 24) as category_code,
                    null::date as valid_from
                from (select distinct product from numbered)
            ) to '{folder / "stg_products.parquet"}' (compression zstd);
            copy (
                select distinct 'shop' as source_id, '{MARKET}' as market, md5('c' || customer) as customer_key,
                    date '2020-01-01' as valid_from, '{MARKET}-' || (customer % 12) as subdivision_code,
                    customer % 5 > 1 as has_profile_consent,
                    case when customer % 5 > 1 then ['female', 'male'][1 + (customer // 7) % 2] end as gender,
                    case when customer % 5 > 1 then ['18-29', '30-44', '45-59', '60 and over'][1 + (customer // 3) % 4]
                    end as age_band
                from numbered
            ) to '{folder / "stg_customers.parquet"}' (compression zstd);
            copy (
                select md5('o' || order_no) as order_key, '{MARKET}' as market,
                    (timestamp '1970-01-01' + any_value(day) * interval 1 day + order_no % 24 * interval 1 hour)
                    as ordered_at, ['own_shop', 'hub'][1 + order_no % 2] as channel,
                    ['phone', 'desktop', 'tablet'][1 + order_no % 3] as screen, null::varchar as subdivision_code
                from numbered group by order_no
            ) to '{folder / "stg_orders.parquet"}' (compression zstd);
            copy (
                select md5(line::varchar) as line_key, '{MARKET}' as market,
                    case when line % 9 = 0 then 'sale' end as promotion_id
                from numbered order by line
            ) to '{folder / "stg_order_lines.parquet"}' (compression zstd);
            copy (select '{MARKET}' as market, 'Europe/London' as time_zone)
            to '{folder / "dim_market.parquet"}' (compression zstd);
            """
        )


def main(folder: Path) -> None:
    """Run the steps and print the seconds of each as one line of JSON."""
    with duckdb.connect() as run:
        run.execute(f"set memory_limit = '{MEMORY}'")
        run.execute(f"set threads = {THREADS}")
        run.execute(f"attach '{folder / 'run.duckdb'}' as run")
        run.execute("use run")
        workshop, seconds = Workshop(folder, run), {}
        for name, step in STEPS:
            began, used = time.perf_counter(), time.process_time()
            step(workshop)
            seconds[f"{name}_s"] = round(time.perf_counter() - began, 1)
            seconds[f"{name}_cpu_s"] = round(time.process_time() - used, 1)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
