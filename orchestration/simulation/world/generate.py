"""A market-month of commerce: orders, buyers, visits, promotions, media, stock and the truth about them.

Belongs here: the order in which the parts are made. Does not: any of the parts. Months can be made in any order.
"""

from dataclasses import replace

from orchestration.simulation.world.batches import HUB, CommerceMonth, World
from orchestration.simulation.world.month_tables import (
    home_shipments,
    market_capacity,
    market_stock,
    promotion_table,
    spend_table,
)
from orchestration.simulation.world.order_tables import customer_table, order_tables
from orchestration.simulation.world.orders import draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.pricing import complete
from orchestration.simulation.world.sessions import draw_visits
from orchestration.simulation.world.truth import month_truth


def generate_commerce(world: World, market: str, month: str) -> CommerceMonth:
    """The commerce of one market in one month; ValueError names a market or month that the world does not have."""
    config = world.config
    if market not in config.markets or month not in config.month_list:
        raise ValueError(f"the world has no market-month {market} {month}")
    plan = plan_month(world, config.markets.index(market), config.month_list.index(month))
    buying = draw_buying(world, plan)
    drawn = complete(world, plan, buying, draw_all_lines(world, plan, buying))
    visits = draw_visits(world, plan, drawn) if plan.spec.shares[0] else None
    promotions = promotion_table(world, plan)
    if visits is not None:
        drawn = replace(drawn, batch=replace(drawn.batch, session=visits.session_of_order))
    tables = {
        **order_tables(world, plan, drawn, promotions["promotion_id"].combine_chunks()),
        (HUB, "customers"): customer_table(world, plan, drawn),
        (HUB, "promotions"): promotions,
        ("ads", "media_spend"): spend_table(world, plan),
        **market_stock(world, plan, drawn),
        ("wms", "capacity"): market_capacity(world, plan, drawn, visits),
    }
    if visits is not None:
        tables["analytics", "sessions"] = visits.sessions
        tables["analytics", "session_events"] = visits.events
    kept = {key: table for key, table in tables.items() if table.num_rows}
    return CommerceMonth(drawn.batch, kept, month_truth(world, plan, drawn), home_shipments(world, plan, drawn))
