"""Runs: what one run covers, and the private database in which it builds.

Belongs here: the plan (markets, market-months, raw state), the run's DuckDB file, markets that are held back.
Does not: where tables live (see lake/), how they are built (see modeling/), what they must promise (see gates/).
"""

from orchestration.runs.database import RunDatabase, sweep_run_databases
from orchestration.runs.months import MonthSelection, MonthsError
from orchestration.runs.plan import NoMarkets, RunPlan, make_plan

__all__ = [
    "MonthSelection",
    "MonthsError",
    "NoMarkets",
    "RunDatabase",
    "RunPlan",
    "make_plan",
    "sweep_run_databases",
]
