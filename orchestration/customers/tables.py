"""The declared tables of customers.

Belongs here: names, types and words of what is published. Does not: how the figures come about (see `market.py`).
Customers stand here by their pseudonym alone, with the key of `dim_customer`: market, source_id, customer_key.
"""

from collections.abc import Mapping

from orchestration.lake import Column, TableSpec
from orchestration.modeling.manifest import PublishedModel

LAYER = "customers"
HORIZON_NAMES = ("3m", "6m", "12m")

_CUSTOMER = {"market": "varchar", "source_id": "varchar", "customer_key": "varchar", "as_of_on": "date"}
_MARKET = {"market": "varchar", "as_of_on": "date"}
VALUE_COLUMNS: Mapping[str, str] = {
    **_CUSTOMER,
    "first_purchase_on": "date",
    "last_purchase_on": "date",
    "purchase_count": "bigint",
    "net_amount_usd": "double",
    "mean_amount_usd": "double",
    "is_net_negative": "boolean",
    "recency_days": "integer",
    "recency_score": "integer",
    "frequency_score": "integer",
    "monetary_score": "integer",
    "rfm": "varchar",
    "rhythm_days": "double",
    "overdue_ratio": "double",
    "alive_probability": "double",
    "is_churned": "boolean",
    **{
        f"{end}{what}_{name}{unit}": "double"
        for name in HORIZON_NAMES
        for what, unit in (("purchases", ""), ("value", "_usd"))
        for end in ("expected_", "low_", "high_")
    },
    "model_code": "varchar",
    "value_basis": "varchar",
}
SEGMENT_COLUMNS: Mapping[str, str] = {
    **_CUSTOMER,
    "segment": "varchar",
    "segment_rank": "integer",
    "segment_before": "varchar",
    "taste": "varchar",
    "taste_probability": "double",
}
SUMMARY_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "kind": "varchar",
    "name": "varchar",
    "title_en": "varchar",
    "title_zh": "varchar",
    "rule": "varchar",
    "customer_count": "bigint",
    "customer_pct": "double",
    "net_amount_usd": "double",
    "net_amount_pct": "double",
    "expected_value_12m_usd": "double",
    "agreement_pct": "double",
    "adjusted_rand": "double",
    "lowest_adjusted_rand": "double",
}
MOVEMENT_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "month": "varchar",
    "from_segment": "varchar",
    "to_segment": "varchar",
    "customer_count": "bigint",
    "is_complete": "boolean",
}
COHORT_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "cohort_month": "varchar",
    "months_since": "integer",
    "cohort_count": "bigint",
    "active_count": "bigint",
    "retained_pct": "double",
    "purchase_count": "bigint",
    "amount_usd": "double",
    "is_complete": "boolean",
}
REPEAT_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "after_purchase": "varchar",
    "purchase_count": "bigint",
    "returned_count": "bigint",
    "returned_pct": "double",
    "median_days": "integer",
    "within_30_days_pct": "double",
    "within_90_days_pct": "double",
    "within_180_days_pct": "double",
    "within_365_days_pct": "double",
}
BACKTEST_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "customer_group": "varchar",
    "from_on": "date",
    "to_on": "date",
    "customer_count": "bigint",
    "actual_purchases": "double",
    "expected_purchases": "double",
    "low_purchases": "double",
    "high_purchases": "double",
    "naive_purchases": "double",
    "actual_value_usd": "double",
    "expected_value_usd": "double",
    "naive_value_usd": "double",
    "rmse_purchases": "double",
    "naive_rmse_purchases": "double",
    "mae_purchases": "double",
    "naive_mae_purchases": "double",
    "cover_purchases_pct": "double",
    "cover_value_pct": "double",
    "top_found_pct": "double",
    "naive_top_found_pct": "double",
    "model_code": "varchar",
    "value_basis": "varchar",
}
FIGURE_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "figure": "varchar",
    "value": "double",
    "low": "double",
    "high": "double",
    "basis": "varchar",
    "words": "varchar",
}
PORTRAIT_COLUMNS: Mapping[str, str] = {
    **_CUSTOMER,
    "subdivision_code": "varchar",
    "gender": "varchar",
    "age_band": "varchar",
    "usual_weekday": "varchar",
    "usual_daypart": "varchar",
    "usual_channel": "varchar",
    "usual_screen": "varchar",
    "top_category": "varchar",
    "second_category": "varchar",
    "price_taste": "varchar",
    "leaving_risk": "varchar",
    "segment": "varchar",
    "next_product_key": "varchar",
    "next_product_note": "varchar",
    "top_category_pct": "double",
    "price_index": "double",
    "promoted_pct": "double",
    "rhythm_days": "double",
    "net_amount_usd": "double",
    "expected_value_12m_usd": "double",
    "purchase_count": "bigint",
    "words": "varchar",
}
AUDIENCE_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "dimension": "varchar",
    "group_value": "varchar",
    "second_value": "varchar",
    "buyer_count": "bigint",
    "purchase_count": "bigint",
    "amount_usd": "double",
    "basket_usd": "double",
    "repeat_pct": "double",
    "top_categories": "varchar",
    "is_suppressed": "boolean",
}
SURPRISE_COLUMNS: Mapping[str, str] = {
    **_MARKET,
    "surprise_rank": "integer",
    "subdivision_code": "varchar",
    "gender": "varchar",
    "age_band": "varchar",
    "category_code": "varchar",
    "buyer_count": "bigint",
    "category_buyer_count": "bigint",
    "purchase_count": "bigint",
    "share_pct": "double",
    "expected_share_pct": "double",
    "market_share_pct": "double",
    "ratio": "double",
    "low_ratio": "double",
    "high_ratio": "double",
    "p_value": "double",
    "q_value": "double",
    "tested_count": "bigint",
    "words": "varchar",
}


def _model(name: str, columns: Mapping[str, str]) -> PublishedModel:
    declared = tuple(Column(column, kind) for column, kind in columns.items())
    return PublishedModel(name, LAYER, TableSpec(f"{LAYER}.{name}", declared, partition="market"))


CUSTOMER_VALUE = _model("customer_value", VALUE_COLUMNS)
CUSTOMER_SEGMENT = _model("customer_segment", SEGMENT_COLUMNS)
SEGMENT_SUMMARY = _model("segment_summary", SUMMARY_COLUMNS)
SEGMENT_MOVEMENT = _model("segment_movement", MOVEMENT_COLUMNS)
RETENTION_COHORT = _model("retention_cohort", COHORT_COLUMNS)
REPEAT_SUMMARY = _model("repeat_summary", REPEAT_COLUMNS)
VALUE_BACKTEST = _model("value_backtest", BACKTEST_COLUMNS)
CUSTOMER_FIGURE = _model("customer_figure", FIGURE_COLUMNS)
CUSTOMER_PORTRAIT = _model("customer_portrait", PORTRAIT_COLUMNS)
AUDIENCE_CELL = _model("audience_cell", AUDIENCE_COLUMNS)
SURPRISE = _model("surprise", SURPRISE_COLUMNS)
CUSTOMER_MODELS = (
    CUSTOMER_VALUE,
    CUSTOMER_SEGMENT,
    SEGMENT_SUMMARY,
    SEGMENT_MOVEMENT,
    RETENTION_COHORT,
    REPEAT_SUMMARY,
    VALUE_BACKTEST,
    CUSTOMER_FIGURE,
    CUSTOMER_PORTRAIT,
    AUDIENCE_CELL,
    SURPRISE,
)
DESCRIPTIONS: Mapping[str, str] = {
    "customer_value": "One row per customer of a market: recency, frequency, amount, whether still alive, and what is"
    " expected over 3, 6 and 12 months.",
    "customer_segment": "One row per customer of a market: the segment by rule, that of the month before, and taste.",
    "segment_summary": "One row per market and segment or taste: its rule in words, size, share of value, stability.",
    "segment_movement": "One row per market, month and pair of segments: customers who were in one and are in the"
    " other.",
    "retention_cohort": "One row per market, month of the first purchase and months since: who came back.",
    "repeat_summary": "One row per market and place of a purchase: how many were followed by another, and how soon.",
    "value_backtest": "One row per market and group of customers: what the models would have said of the last months.",
    "customer_figure": "One row per market and figure: customers, guests, and the models' parameters with intervals.",
    "customer_portrait": "One row per customer of a market: where, when and how, what the customer likes, price taste,"
    " rhythm, value, risk of leaving, segment, and all of it in words; gender and age only with consent.",
    "audience_cell": "One row per group of a market's buyers (subdivision, gender, age band, channel, screen, month of"
    " the first purchase, two pairs of these); groups of fewer than ten people, and those that would give them away,"
    " are named and hold no figure.",
    "surprise": "One row per cell of subdivision, gender, age band and category that is bought oftener or less often"
    " than the market and larger groups let expect, false discoveries held below 5 %.",
}

WORDS: Mapping[str, str] = {
    "market": "Country where the buyer receives the goods, ISO 3166-1 alpha-2.",
    "source_id": "Feed of one system; customers are known only within it.",
    "customer_key": "Keyed hash of the customer id, as in dim_customer.",
    "as_of_on": "The first day that is not known: the day after the market's last order.",
    "first_purchase_on": "Day of the first purchase: a day on which goods were ordered and kept; null without one.",
    "last_purchase_on": "Day of the last purchase.",
    "purchase_count": "Days with a purchase; in a cohort those of the month, after a purchase those it could follow.",
    "net_amount_usd": "Amount of all orders in US dollars less what was cancelled or sent back.",
    "mean_amount_usd": "Net amount by purchase; null without a purchase.",
    "is_net_negative": "More went back than was bought: such a customer has no expected value.",
    "recency_days": "Days from the last purchase to the last known day.",
    "recency_score": "1 to 5 within the market, 5 for the fifth that bought last; equals share their middle score.",
    "frequency_score": "The same of the number of purchases.",
    "monetary_score": "The same of the net amount.",
    "rfm": "The three scores as three digits: recency, frequency, amount.",
    "rhythm_days": "Days between purchases: the mean of the customer's own gaps, drawn to the market's median gap.",
    "overdue_ratio": "Days since the last purchase by rhythm_days; above 1 the customer is late.",
    "alive_probability": "Probability that the customer has not left for good; null without a purchase.",
    "is_churned": "alive_probability below 0.3 and overdue_ratio above 2.",
    "model_code": "Model of purchases: bg_nbd, or mbg_nbd where the first purchase can be the last one.",
    "value_basis": "`own`: the market's customers gave every parameter; `own_and_prior`: the published figures of"
    " CDNOW stood beside them, since they are few or leave a parameter open.",
    "segment": "Segment by the first rule that holds; the rules stand in segment_summary.",
    "segment_rank": "Place of the segment in the order of the rules, from 1.",
    "segment_before": "Segment at the end of the last complete month before; `not_yet` before the first purchase.",
    "taste": "Cluster of categories that the customer buys from; null without one.",
    "taste_probability": "How sure that is, from what the customer has bought.",
    "kind": "`segment` by rule, or `taste`.",
    "name": "Name of the segment, or the categories that the taste buys above the others.",
    "title_en": "Title in English.",
    "title_zh": "Title in Chinese; null of a taste.",
    "rule": "What makes a customer belong to it, with the market's own figures.",
    "customer_count": "Customers.",
    "customer_pct": "Share of the market's customers; of a taste of those who have one.",
    "net_amount_pct": "Share of the market's net amount.",
    "agreement_pct": "Customers who keep the segment, or taste, when its figures come from customers drawn anew.",
    "adjusted_rand": "Adjusted Rand index between the partition and those of customers drawn anew.",
    "lowest_adjusted_rand": "The lowest of these.",
    "month": "Month at whose end the customers stand in to_segment, YYYY-MM.",
    "from_segment": "Segment at the end of the month before; `not_yet` before the first purchase.",
    "to_segment": "Segment at the end of the month.",
    "is_complete": "Whether the whole month is known.",
    "cohort_month": "Month of the first purchase, YYYY-MM.",
    "months_since": "Months since then; 0 is the month itself.",
    "cohort_count": "Customers whose first purchase was in that month.",
    "active_count": "Those of them who bought in the month.",
    "retained_pct": "Share of the cohort that bought in the month.",
    "amount_usd": "Amount of their purchases in the month in US dollars, less what went back.",
    "after_purchase": "`any`, or the place of the purchase among those of its customer: 1 to 4, and 5 for later ones.",
    "returned_count": "Purchases that were followed by another.",
    "returned_pct": "Share of them, as far as time has shown.",
    "median_days": "Days after which half have bought again (Kaplan-Meier); null where fewer ever have.",
    **{
        f"within_{days}_days_pct": f"Share that has bought again within {days} days (Kaplan-Meier); null where fewer"
        " than ten were watched for so long."
        for days in (30, 90, 180, 365)
    },
    "customer_group": "`all`, or customers by their purchases before the hold-out.",
    "from_on": "First day of the hold-out.",
    "to_on": "Last day of the hold-out.",
    "actual_purchases": "Purchases in the hold-out.",
    "expected_purchases": "Purchases that the models expected at its beginning.",
    "low_purchases": "Lower end of the 90 % interval of their sum; null of a part of the customers.",
    "high_purchases": "Upper end.",
    "naive_purchases": "Purchases in the time of the same length before.",
    "actual_value_usd": "Amount of the purchases in the hold-out.",
    "expected_value_usd": "Amount that the models expected.",
    "naive_value_usd": "Amount in the time of the same length before.",
    "rmse_purchases": "Root of the mean squared error of a customer's number.",
    "naive_rmse_purchases": "The same of the naive guess.",
    "mae_purchases": "Mean absolute error of a customer's number.",
    "naive_mae_purchases": "The same of the naive guess.",
    "cover_purchases_pct": "Customers whose number lay within the 90 % interval; counts make it wider than 90.",
    "cover_value_pct": "Customers whose amount lay within the 90 % interval.",
    "top_found_pct": "Share of all value brought by the tenth of customers that was expected to bring most.",
    "naive_top_found_pct": "The same of the naive guess.",
    "figure": "Name of the figure.",
    "value": "The figure.",
    "low": "Lower end of its 90 % interval; null without one.",
    "high": "Upper end.",
    "basis": "Of a parameter and of what follows from it: `own` or `own_and_prior` (see value_basis).",
    "words": "What it is, in words.",
    "subdivision_code": "State or province, ISO 3166-2, as the customer told, else of most orders; null of any.",
    "gender": "Told with consent to its use; null without, and of a cell of any gender.",
    "age_band": "Age band, told with consent to its use; null without, and of a cell of any age.",
    "usual_weekday": "Weekday of most orders, by the market's clock.",
    "usual_daypart": "night (0 to 6), morning, afternoon or evening of most orders, by the market's clock.",
    "usual_channel": "Channel of most orders.",
    "usual_screen": "Device on which most orders were made.",
    "top_category": "Category in most purchases.",
    "top_category_pct": "Share of the purchases with it.",
    "second_category": "Category in most purchases but the first.",
    "price_taste": "cheaper, usual or dearer: price_index below 0.85, up to 1.18, above.",
    "price_index": "Geometric mean of prices paid by the median price of their category in the market.",
    "promoted_pct": "Share of lines bought on a promotion.",
    "leaving_risk": "leaving, at risk or staying: alive_probability below 0.3, below 0.7, above.",
    "next_product_key": "First product of the customer's own list of recommendations; null without one.",
    "next_product_note": "Why that product and as of which day, or why there is none.",
    "dimension": "What the group is of, or two of these with `_and_` between.",
    "group_value": "Value of the group; `not told` where a buyer told none.",
    "second_value": "Value of the second of a pair.",
    "buyer_count": "Buyers of the group; null if suppressed.",
    "basket_usd": "Amount by purchase.",
    "repeat_pct": "Share of buyers with two purchases or more.",
    "top_categories": "Up to three categories in most purchases with their share, each bought by ten people or more.",
    "is_suppressed": "Fewer than ten people, or a group from which such a number would follow.",
    "surprise_rank": "Place by purchases above or below what was expected.",
    "category_code": "Category.",
    "category_buyer_count": "Those of them who bought from the category; ten or more.",
    "share_pct": "Share of the cell's purchases with the category.",
    "expected_share_pct": "Share that the market, equal genders and ages, and the other surprises let expect.",
    "market_share_pct": "Share of all purchases of the market.",
    "ratio": "share_pct by expected_share_pct, drawn to 1 by five purchases.",
    "low_ratio": "Lower end of the 95 % interval of share_pct by expected_share_pct.",
    "high_ratio": "Upper end.",
    "p_value": "Two-sided, against what all other surprises leave to explain.",
    "q_value": "The same adjusted for all cells of its kind (Benjamini and Hochberg).",
    "tested_count": "Cells and categories that were tested in the market.",
    **{
        f"{end}{what}_{name}{unit}": words.format(months=name[:-1])
        for name in HORIZON_NAMES
        for what, unit, thing in (("purchases", "", "Purchases"), ("value", "_usd", "Amount in US dollars"))
        for end, words in (
            ("expected_", thing + " expected over the next {months} months, in the mean."),
            ("low_", "Lower end of the 90 % interval of what this customer will do over {months} months."),
            ("high_", "Upper end of it: one customer in twenty does more."),
        )
    },
}
