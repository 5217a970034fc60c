"""Which published tables use an order, and how a row of each is found: the way forward of a trace.

Belongs here: one entry per published table, or the reason why no order leads to it. Does not: reading (see chain.py).
A test compares the entries with the published models, so that a new table cannot be forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Reach(Enum):
    """From which files a table's rows of an order are read."""

    ORDER = "the market and month of the order"
    MARKET = "all months of the order's market"
    DAYS = "the months of the days on which something of the order happened"


@dataclass(frozen=True)
class Use:
    """A published table that uses an order.

    keys: column of the table → fact of the order (see `Facts` in chain.py). shown: its other columns in the trace.
    figure: what its rows say, as readers of the tree know it; empty for a part of the chain, which is shown as such.
    """

    table: str
    keys: Mapping[str, str]
    shown: Sequence[str]
    figure: str = ""
    reach: Reach = Reach.ORDER
    hidden: frozenset[str] = frozenset()


def _of_order(table: str, shown: str, figure: str = "") -> Use:
    return Use(f"marts.{table}", {"order_key": "order_key"}, tuple(shown.split()), figure)


_ORDER_LINES = (
    "line_key line_no source_id customer_key product_key product_id leg_type ordered_on quantity line_amount"
    " currency_code line_amount_usd"
)
_LEDGER = (
    "line_key line_no product_id quantity cancelled_qty returned_qty currency_code line_amount line_amount_usd flow"
    " supervision_mode state state_since_at waits_for waits_since_at waits_due_on violations is_late released_qty"
    " shipped_qty delivered_qty line_hash"
)
_REBATES = (
    "claim_row_key claim_key line_key declaration_line_key claim_status rebate_state base_amount rate_pct rebate_amount"
    " expected_rebate_amount currency_code claimed_at paid_on due_on returned_qty clawback_amount is_key_reused"
)
_PAYOUTS = (
    "payout_key payout_kind payout_no currency_code settled_on order_count gross_amount fee_amount tax_amount"
    " refund_amount adjustment_amount net_amount receipt_due_on payout_status match_basis receipt_no received_on"
    " received_amount receipt_currency_code bank_charge_amount fx_difference_amount unexplained_amount"
    " unexplained_amount_usd"
)
_WORKLIST = (
    "item_key exception_id reason left_value right_value value_at_risk_usd since_at act_from_on owner_role document_key"
)
_COVERAGE = (
    "declaration_key declaration_no currency_code declared_amount received_amount fee_amount tax_withheld_amount"
    " refund_amount adjustment_amount other_than_goods_amount not_yet_received_amount fx_difference_amount"
    " unexplained_amount unexplained_amount_usd receipt_due_on"
)

# Parts of the chain: what the ledger says about the order itself.
LEDGER = _of_order("fct_trade_ledger", _LEDGER)
EVENTS = _of_order(
    "fct_trade_event",
    "line_key sequence_no event_name event_at quantity cumulative_qty is_complete document_feed document_key",
)
MATCHES = _of_order(
    "fct_match_result",
    "rule_id match_status left_value right_value difference left_document_key right_document_key",
)
ALLOWANCE = Use(
    "marts.fct_import_allowance",
    {"order_key": "order_key"},
    ("rule_id", "match_status", "calendar_year", "used_cny_amount", "order_cny_amount"),
    reach=Reach.MARKET,
)
MONEY_LEGS = _of_order(
    "fct_money_legs",
    "leg_key leg_type amount currency_code amount_usd booked_at document_feed document_key payout_key",
)
PAYOUT_ROWS = Use("marts.fct_payouts", {"payout_key": "payout_key"}, tuple(_PAYOUTS.split()), reach=Reach.MARKET)
COVERAGE = _of_order("fct_declaration_coverage", _COVERAGE)
REBATES = _of_order("fct_rebate_claims", _REBATES)
LANDED_COST = _of_order("fct_landed_cost", "line_key term amount currency_code amount_usd rule_key basis explanation")
ORDER_LINES = Use(
    "marts.fct_order_lines",
    {"order_key": "order_key"},
    tuple(_ORDER_LINES.split()),
    "lines with their amounts in dollars",
    hidden=frozenset({"customer_key"}),
)
WORKLIST = _of_order("exception_worklist", _WORKLIST)

USES: tuple[Use, ...] = (
    LEDGER,
    EVENTS,
    MATCHES,
    ALLOWANCE,
    MONEY_LEGS,
    PAYOUT_ROWS,
    COVERAGE,
    REBATES,
    LANDED_COST,
    WORKLIST,
    ORDER_LINES,
    _of_order(
        "fct_import_orders",
        "calendar_year supervision_mode order_cny_amount customs_status",
        "the order in its buyer's annual allowance",
    ),
    _of_order(
        "fct_orders",
        "line_count sold_qty reversed_qty sales_amount reversal_amount adjustment_amount currency_code"
        " total_amount_usd",
        "sums of the order",
    ),
    Use(
        "marts.fct_sessions",
        {"order_key": "order_key"},
        ("session_id", "started_at", "medium", "campaign", "landing_page", "screen", "page_views", "value_usd"),
        "the visit that ended in the order",
    ),
    Use(
        "marts.fct_daily_demand",
        {"product_key": "product_key", "sold_on": "ordered_on"},
        ("market", "product_id", "sold_qty", "reversed_qty", "order_count", "sales_amount_usd"),
        "units of the product sold on the day",
    ),
    Use(
        "marts.fct_shipments",
        {"shipment_key": "shipment_key"},
        ("waybill_no", "order_count", "line_count", "weight_kg", "freight_amount", "goods_amount", "currency_code"),
        "waybill with its weight and freight",
        Reach.MARKET,
    ),
    Use(
        "marts.fct_shipment_lines",
        {"shipment_key": "shipment_key"},
        ("line_no", "product_id", "quantity", "allocated_weight_kg", "allocated_freight_amount", "currency_code"),
        "shares of weight and freight",
        Reach.MARKET,
    ),
    Use(
        "marts.fct_declarations",
        {"declaration_key": "declaration_key"},
        (
            "declaration_no",
            "line_no",
            "hs_code",
            "quantity",
            "line_value_amount",
            "currency_code",
            "line_value_amount_usd",
        ),
        "declared lines in dollars",
        Reach.MARKET,
    ),
    Use(
        "marts.dim_customer",
        {"customer_key": "customer_key", "source_id": "source_id"},
        ("market", "first_ordered_on", "last_ordered_on", "order_count", "net_amount_usd"),
        "the buyer's orders and net amount",
        hidden=frozenset({"customer_key"}),
    ),
    Use(
        "customers.customer_value",
        {"customer_key": "customer_key", "source_id": "source_id"},
        ("market", "as_of_on", "purchase_count", "net_amount_usd", "alive_probability", "expected_value_12m_usd"),
        "what the buyer is expected to buy",
        hidden=frozenset({"customer_key"}),
    ),
    Use(
        "customers.customer_portrait",
        {"customer_key": "customer_key", "source_id": "source_id"},
        ("market", "as_of_on", "words"),
        "the buyer's portrait",
        hidden=frozenset({"customer_key"}),
    ),
    Use(
        "customers.customer_segment",
        {"customer_key": "customer_key", "source_id": "source_id"},
        ("market", "as_of_on", "segment", "segment_before", "taste"),
        "the buyer's segment and taste",
        hidden=frozenset({"customer_key"}),
    ),
    Use(
        "marketing.recommendation",
        {"customer_key": "customer_key", "source_id": "source_id"},
        ("market", "made_on", "rank", "product_id", "score", "reason"),
        "what the buyer is shown next",
        hidden=frozenset({"customer_key"}),
    ),
    Use(
        "marts.dim_product",
        {"product_key": "product_key"},
        ("market", "product_id", "first_sold_on", "last_sold_on", "sold_qty"),
        "the product's units sold",
    ),
    Use(
        "marts.fct_daily_invariant",
        {"day": "day"},
        ("market", "invariant_id", "left_amount", "right_amount", "difference", "is_broken", "severity"),
        "invariants of the days on which something of the order happened",
        Reach.DAYS,
    ),
    Use(
        "marts.fct_row_invariant",
        {"day": "day"},
        ("market", "invariant_id", "left_amount", "right_amount", "difference", "is_broken", "severity"),
        "the same of rows and files",
        Reach.DAYS,
    ),
    Use(
        "marts.fct_market_invariant",
        {"day": "day"},
        ("market", "invariant_id", "left_amount", "right_amount", "difference", "is_broken", "severity"),
        "the same of what is known by market alone",
        Reach.DAYS,
    ),
    Use(
        "marts.market_kpi",
        {"kpi_on": "day"},
        ("market", "kpi_id", "value", "numerator", "denominator", "unit"),
        "key figures of the days on which something of the order happened",
        Reach.DAYS,
    ),
    Use(
        "marts.row_balance",
        {"_file": "file", "market": "market"},
        ("feed", "state", "month", "row_count"),
        "rows of the source files, counted by what became of them",
        Reach.DAYS,
    ),
    Use(
        "forecasts.demand_plan",
        {"market": "market", "node_id": "product_key_or_market"},
        ("node_type", "made_on", "target_on", "model_qty", "planner_qty", "plan_qty"),
        "forecast units of the market and of the product",
        Reach.MARKET,
    ),
    Use(
        "forecasts.forecast_backtest",
        {"market": "market", "node_id": "product_key_or_market"},
        ("node_type", "origin_on", "target_on", "model_code", "is_chosen", "forecast_qty", "actual_qty"),
        "forecasts of the past beside the units sold",
    ),
)

# Published tables to which no order leads, each with the reason.
NO_USE: Mapping[str, str] = {
    "marts.fct_trade_tie": "holds the ties themselves: the way back of the trace",
    "marts.fct_document_number": "leads from a number to its order",
    "marts.dim_market_rule": "dated rules; the landed cost of a line names those that it used",
    "marts.dim_market": "says what a market is, and counts nothing",
    "marts.fct_daily_region_demand": "sums of the days of a region; the order's own day stands in the daily demand",
    "marts.funnel": "counts visits by stage and day; the order's own visit stands in fct_sessions",
    "marts.fct_landing_page_month": "counts visits by their first page",
    "marts.fct_media_daily": "sums spend, visits and their orders by medium and day",
    "marts.unlinked_documents": "documents without an order; the trace looks there for a number that it cannot tie",
    "marts.quarantine": "rows that no figure uses; the trace looks there for a number that it cannot tie",
    "marts.reference_quarantine": "the same for what has no market",
    "marts.reference_row_balance": "counts rows without a market",
    "forecasts.demand_forecast": "kept by the day on which it was made; the newest rows stand in the plan",
    "forecasts.forecast_score": "sums up forecasts by kind of node",
    "customers.segment_summary": "sums over the customers of a segment; the buyer's own stands in customer_segment",
    "customers.audience_cell": "figures of groups of ten buyers or more",
    "customers.surprise": "tests over groups of buyers",
    "customers.segment_movement": "counts of customers between segments",
    "customers.retention_cohort": "counts of customers by the month of their first purchase",
    "customers.repeat_summary": "survival over all purchases of a market",
    "customers.value_backtest": "compares models with what was bought, summed over customers",
    "customers.customer_figure": "figures and parameters of a market's customers as a whole",
    "marketing.similar_item": "sums over all customers who have both products",
    "marketing.bought_together": "counts of baskets that hold both products",
    "marketing.first_screen": "shares of products in the visits of a landing page",
    "marketing.session_recommendation": "lists for visits that are still open, and so without an order",
    "marketing.recommendation_score": "figures of lists, summed over customers",
    "marketing.funnel_loss": "shares of the visits of a week that were lost",
    "marketing.media_kpi": "sums by medium and month",
    "marketing.media_attribution": "shares of orders credited to media, summed over a year",
    "marketing.media_effect": "a regression over the orders of all days",
    "marketing.media_contribution": "the same by month",
    "marketing.media_response": "the same at other budgets",
    "marketing.budget_suggestion": "budgets of days that are still to come",
    "planning.reorder": "plans of stock to come; no order of the past is in them but through the forecast",
    "planning.transfer_suggestion": "the same between warehouses",
    "planning.assortment": "sums over a year of a market's category",
    "planning.stock_policy_simulation": "simulated orders beside real ones, summed over products",
    "planning.stale_market": "says which markets a plan took as they were",
    "planning.lead_time": "quantiles of many journeys",
    "planning.shipment_outlook": "journeys that are still to end, by waybill",
    "planning.capacity_outlook": "days of a site that are still to come",
    "planning.override_value": "sums of weeks by person and reason",
    "planning.override_state": "what planners said of weeks to come, and whether it counts",
    "planning.order_decision": "decisions on orders to suppliers; no customer's order is in them",
    "credit.credit_stale_market": "says which markets credit took as they were",
    "credit.credit_model": "versions of the scorecard",
    "credit.credit_model_measure": "their measures, over many sellers",
    "credit.credit_model_validation": "what they said of sellers whose outcome they had not learnt from",
    "credit.seller_feature": "rates and counts of a seller over all of his orders",
    "credit.seller_score": "a seller as a whole; the seller's page lists the documents behind it",
    "credit.seller_score_part": "the same by characteristic",
    "credit.seller_score_change": "the same between two days",
    "credit.seller_limit": "sums over a seller's receipts, rebates and advances",
    "credit.seller_advance": "advances are lent to the seller and belong to no order",
    "credit.pledge": "pledged items of declarations, by advance; the declaration leads to its orders",
    "credit.pledge_refusal": "the same, refused",
    "credit.limit_decision": "decisions of officers; no order is in them",
    "credit.declaration_risk": "open declaration lines; the declaration leads to its orders",
    "credit.declaration_risk_measure": "how well the ranking finds false declarations",
    "credit.credit_exposure": "sums by market and grade",
    "credit.guarantee_offer": "prices of orders to come",
    "credit.guarantee_reserve": "a sum for orders to come",
    "credit.guarantee_simulation": "simulated months",
    "credit.guarantee_claim": "what the terms make of a claim; the claim itself stands among the order's documents",
    "quality.cleaning_scorecard": "compares the cleaning as a whole with the truth of a simulated world",
    "quality.cleaning_by_feed": "the same by feed",
    "quality.cleaning_missed": "the same by record that was missed",
}
