"""The code location: everything that Dagster shows and runs.

Belongs here: `build_defs` and `defs`. Nothing else.
"""

from collections.abc import Mapping

import dagster as dg

from orchestration.arrivals.assets import raw_tables
from orchestration.credit.assets import (
    credit_exposure,
    credit_gate,
    credit_stale_markets,
    credit_tables,
    scorecard_versions,
    seller_limits,
    seller_scores,
)
from orchestration.credit.declaration_risk.assets import declaration_risks
from orchestration.credit.guarantee.assets import guarantees
from orchestration.credit.model_card.assets import model_cards
from orchestration.credit.page.assets import seller_pages
from orchestration.customers.assets import customer_gate, customers, market_customers
from orchestration.forecasting.assets import forecast_gate, forecasts, market_forecasts
from orchestration.gates.checks import ledger_gate, reference_gate, staging_gate
from orchestration.marketing.media.assets import market_media_figures, media, media_gate
from orchestration.marketing.recommending.assets import (
    market_recommendations,
    recommendation_gate,
    recommendations,
)
from orchestration.modeling.assets import ledger_models, reference_models, staging_models
from orchestration.planning.arrival.assets import arrival_times
from orchestration.planning.assets import arrival_gate, planning_gate, plans, stale_markets
from orchestration.planning.capacity.assets import site_capacity
from orchestration.planning.planner.assets import planners_hand
from orchestration.planning.stock.assets import stock_plan, stock_proof
from orchestration.platform import Platform
from orchestration.reporting.assets import market_reports, operations
from orchestration.running.jobs import JOBS, SCHEDULES, SENSORS
from orchestration.runs.assets import market_tables, reference_tables, run_plan
from orchestration.simulation.assets import cleaning_scorecard

ASSETS = (
    raw_tables,
    reference_models,
    reference_tables,
    run_plan,
    staging_models,
    ledger_models,
    market_tables,
    market_forecasts,
    forecasts,
    market_customers,
    customers,
    market_media_figures,
    media,
    market_recommendations,
    recommendations,
    operations,
    market_reports,
    stale_markets,
    arrival_times,
    site_capacity,
    planners_hand,
    stock_plan,
    stock_proof,
    plans,
    credit_stale_markets,
    scorecard_versions,
    seller_scores,
    seller_limits,
    guarantees,
    credit_exposure,
    declaration_risks,
    credit_tables,
    model_cards,
    seller_pages,
    cleaning_scorecard,
)
GATES = (
    reference_gate,
    staging_gate,
    ledger_gate,
    forecast_gate,
    customer_gate,
    media_gate,
    recommendation_gate,
    arrival_gate,
    planning_gate,
    credit_gate,
)


def build_defs(overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """The whole code location; `overrides` replaces resources, so that tests run the real one on their own platform."""
    return dg.Definitions(
        assets=dg.with_source_code_references(ASSETS),
        asset_checks=GATES,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={"platform": Platform(), **(overrides or {})},
        executor=dg.in_process_executor,
    )


defs = build_defs()
