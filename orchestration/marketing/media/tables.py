"""The declared tables of funnel and media, per market.

Belongs here: names, types and words of what is published. Does not: how the figures come about.
"""

from collections.abc import Mapping

from orchestration.lake import Column, TableSpec
from orchestration.marketing.funnel.columns import LOSS_COLUMNS
from orchestration.modeling.manifest import PublishedModel

LAYER = "marketing"
_BIGINT = {"entered_count", "lost_count", "impressions", "clicks", "session_count", "order_count", "new_customer_count"}
_TYPES = {
    **dict.fromkeys(
        ("market", "dimension", "member", "step", "month", "medium", "model", "caveat", "method"), "varchar"
    ),
    **dict.fromkeys(("reason", "words"), "varchar"),
    **dict.fromkeys(("week_on", "from_on", "to_on"), "date"),
    **dict.fromkeys(("is_unusual", "is_identified", "is_supported"), "boolean"),
    **dict.fromkeys(_BIGINT, "bigint"),
}


def _model(name: str, columns: tuple[str, ...]) -> PublishedModel:
    declared = tuple(Column(column, _TYPES.get(column, "double")) for column in ("market", *columns))
    return PublishedModel(name, LAYER, TableSpec(f"{LAYER}.{name}", declared, partition="market"))


FUNNEL_LOSS = _model("funnel_loss", LOSS_COLUMNS)
MEDIA_KPI = _model(
    "media_kpi",
    (
        "month", "medium", "spend_usd", "impressions", "clicks", "session_count", "order_count", "new_customer_count",
        "revenue_usd", "conversion_pct", "cost_per_click_usd", "roas", "cost_per_new_customer_usd",
    ),
)  # fmt: skip
MEDIA_ATTRIBUTION = _model(
    "media_attribution",
    ("from_on", "to_on", "model", "medium", "orders", "orders_pct", "revenue_usd", "seen_pct", "caveat"),
)
MEDIA_EFFECT = _model(
    "media_effect",
    (
        "medium", "method", "from_on", "to_on", "spend_usd", "extra_orders", "lower_extra_orders",
        "upper_extra_orders", "lift_pct", "year_spend_usd", "year_extra_orders", "lower_year_extra_orders",
        "upper_year_extra_orders", "year_extra_revenue_usd", "incremental_roas", "lower_incremental_roas",
        "upper_incremental_roas", "carry_over", "lower_carry_over", "upper_carry_over", "saturation_pct",
        "is_identified", "reason",
    ),
)  # fmt: skip
MEDIA_CONTRIBUTION = _model("media_contribution", ("month", "medium", "orders"))
MEDIA_RESPONSE = _model(
    "media_response",
    (
        "medium", "multiple", "spend_per_day_usd", "extra_orders_per_week", "lower_extra_orders_per_week",
        "upper_extra_orders_per_week",
    ),
)  # fmt: skip
BUDGET_SUGGESTION = _model(
    "budget_suggestion",
    (
        "medium", "spend_per_day_usd", "suggested_per_day_usd", "change_pct", "medium_orders_per_week",
        "gain_orders_per_week", "lower_gain_orders_per_week", "upper_gain_orders_per_week", "gain_value_usd_per_week",
        "certainty_pct", "is_supported", "words",
    ),
)  # fmt: skip
MEDIA_MODELS = (
    FUNNEL_LOSS,
    MEDIA_KPI,
    MEDIA_ATTRIBUTION,
    MEDIA_EFFECT,
    MEDIA_CONTRIBUTION,
    MEDIA_RESPONSE,
    BUDGET_SUGGESTION,
)
DESCRIPTIONS: Mapping[str, str] = {
    FUNNEL_LOSS.name: "Where visitors were lost in the last eight weeks, beside what each part used to lose.",
    MEDIA_KPI.name: "Spend, clicks, visits, orders and new customers of each medium by month, by last click.",
    MEDIA_ATTRIBUTION.name: "Orders of the last year credited to media by four rules, each with its caveat.",
    MEDIA_EFFECT.name: "Orders that each medium added, by a regression with carry-over and saturation.",
    MEDIA_CONTRIBUTION.name: "The same by month, with the base beside it: what would have been sold without media.",
    MEDIA_RESPONSE.name: "Orders a week that each medium would add at other budgets.",
    BUDGET_SUGGESTION.name: "A move between media that keeps the budget, with what it would gain and how sure that is.",
}
WORDS: Mapping[str, str] = {
    "market": "Country of the visitor.",
    "dimension": "What the part is cut by: all, medium, screen or landing_page.",
    "member": "Which medium, screen or page; `all` for the market.",
    "step": "Two stages of the funnel, or `bounce`: visits that left at once.",
    "week_on": "First of the seven days; weeks are counted back from the newest day with a visit.",
    "entered_count": "Visits that reached the earlier stage, without suspected robots.",
    "lost_count": "Those of them that did not reach the later one.",
    "loss_pct": "Visits lost, of those that entered.",
    "usual_loss_pct": "The same as the earlier weeks let expect, recent ones counting more.",
    "lower_loss_pct": "What the loss falls below in 5 of 100 weeks.",
    "upper_loss_pct": "What the loss exceeds in 5 of 100 weeks.",
    "p_value": "How often so large a loss comes by chance.",
    "q_value": "The same with all judged parts, steps and weeks of the market in mind.",
    "is_unusual": "Larger than its own history, at a rate of false alarms of 5 %.",
    "excess_lost_count": "Visits lost beyond what was to be expected; negative where fewer were lost.",
    "lost_orders": "Orders that these visits would have brought, seen visits only; null for a bounce.",
    "lower_lost_orders": "The same if the week was as bad as 5 of 100 usual weeks are.",
    "upper_lost_orders": "The same if the week was as good as 5 of 100 usual weeks are.",
    "lost_value_usd": "What these orders would have been worth, at the part's mean order value.",
    "lower_lost_value_usd": "Lower bound of the same.",
    "upper_lost_value_usd": "Upper bound of the same.",
    "month": "Month, YYYY-MM.",
    "medium": "Medium; `base` for what would have been sold without any.",
    "spend_usd": "Cost in US dollars.",
    "impressions": "Times shown.",
    "clicks": "Clicks as the platform counts them.",
    "session_count": "Visits, without suspected robots.",
    "order_count": "Orders that ended one of these visits.",
    "new_customer_count": "Those of them that were a customer's first.",
    "revenue_usd": "Dollars of the orders, returns taken off.",
    "conversion_pct": "Visits that ended in an order.",
    "cost_per_click_usd": "Spend by clicks; null without either.",
    "roas": "Revenue of the last click by spend: it counts orders that would have come anyway. Null without spend.",
    "cost_per_new_customer_usd": "Spend by new customers; null without either.",
    "from_on": "First day of the figures.",
    "to_on": "Last day of the figures.",
    "model": "last, first, position or markov.",
    "orders": "Orders credited to the medium, or added by it.",
    "orders_pct": "Share of the orders seen.",
    "seen_pct": "Orders of the shop whose visit was seen, of all: the others came from visitors who did not allow it.",
    "caveat": "What the figure does not say.",
    "method": "share: beside the market's other channels as a control; count: the orders themselves; none.",
    "extra_orders": "Orders that the medium added from `from_on` to `to_on`; null where that cannot be told.",
    "lower_extra_orders": "5 % quantile of the same.",
    "upper_extra_orders": "95 % quantile of the same.",
    "lift_pct": "Orders added, of those that would have come without any medium.",
    "year_spend_usd": "Cost of the last 365 days.",
    "year_extra_orders": "Orders added in the last 365 days.",
    "lower_year_extra_orders": "5 % quantile of the same.",
    "upper_year_extra_orders": "95 % quantile of the same.",
    "year_extra_revenue_usd": "The same at the shop's mean order value.",
    "incremental_roas": "Revenue added by spend, in the last 365 days.",
    "lower_incremental_roas": "5 % quantile of the same.",
    "upper_incremental_roas": "95 % quantile of the same.",
    "carry_over": "Share of a day's effective spend that still works on the next day.",
    "lower_carry_over": "5 % quantile of the same.",
    "upper_carry_over": "95 % quantile of the same.",
    "saturation_pct": "How much of what the medium could do at most it does at its usual spend.",
    "is_identified": "The 90 % interval of the orders added lies above zero.",
    "reason": "Why the effect cannot be told, or is not told apart from nothing; empty otherwise.",
    "multiple": "Spend as a multiple of the last ninety days' mean.",
    "spend_per_day_usd": "Spend a day.",
    "extra_orders_per_week": "Orders a week that the medium adds at this spend.",
    "lower_extra_orders_per_week": "5 % quantile of the same.",
    "upper_extra_orders_per_week": "95 % quantile of the same.",
    "suggested_per_day_usd": "Spend a day that is suggested; no medium changes by more than 30 %.",
    "change_pct": "The same as a change in percent.",
    "medium_orders_per_week": "Orders a week that the change of this medium adds, in the mean.",
    "gain_orders_per_week": "Orders a week that the whole move adds, in the mean.",
    "lower_gain_orders_per_week": "5 % quantile of the same.",
    "upper_gain_orders_per_week": "95 % quantile of the same.",
    "gain_value_usd_per_week": "The mean gain at the shop's mean order value, cost of goods not taken off.",
    "certainty_pct": "How many of 100 draws gain by the move.",
    "is_supported": "At least 80 of 100 draws gain.",
    "words": "The move, or why there is none, in a sentence.",
}
