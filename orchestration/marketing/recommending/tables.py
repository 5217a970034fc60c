"""The declared tables of recommendations, per market.

Belongs here: names, types and words of what is published. Does not: how the lists come about (see market.py).
"""

from collections.abc import Mapping

from orchestration.lake import Column, TableSpec
from orchestration.modeling.manifest import PublishedModel

LAYER = "marketing"
# The row that stands for every customer without a list of their own.
EVERYBODY = "*"


def _model(name: str, columns: Mapping[str, str]) -> PublishedModel:
    declared = tuple(Column(column, kind) for column, kind in {"market": "varchar", **columns}.items())
    return PublishedModel(name, LAYER, TableSpec(f"{LAYER}.{name}", declared, partition="market"))


_PRODUCT = {"product_key": "varchar", "product_id": "varchar"}
_OTHER = {"other_product_key": "varchar", "other_product_id": "varchar"}
RECOMMENDATION = _model(
    "recommendation",
    {
        "source_id": "varchar",
        "customer_key": "varchar",
        "rank": "integer",
        **_PRODUCT,
        "score": "double",
        "model": "varchar",
        "basis": "varchar",
        "reason": "varchar",
        "made_on": "date",
    },
)
SIMILAR_ITEM = _model(
    "similar_item",
    {**_PRODUCT, "rank": "integer", **_OTHER, "score": "double", "support": "bigint", "basis": "varchar",
     "made_on": "date"},
)  # fmt: skip
BOUGHT_TOGETHER = _model(
    "bought_together",
    {
        **_PRODUCT,
        "rank": "integer",
        **_OTHER,
        "support": "bigint",
        "confidence_pct": "double",
        "lift": "double",
        "lower_lift": "double",
        "upper_lift": "double",
        "made_on": "date",
    },
)
FIRST_SCREEN = _model(
    "first_screen",
    {
        "landing_page": "varchar",
        "medium": "varchar",
        "rank": "integer",
        **_PRODUCT,
        "score": "double",
        "session_count": "bigint",
        "made_on": "date",
    },
)
SESSION_RECOMMENDATION = _model(
    "session_recommendation",
    {
        "session_key": "varchar",
        "rank": "integer",
        **_PRODUCT,
        "score": "double",
        "seen_count": "integer",
        "reason": "varchar",
        "made_on": "date",
    },
)
RECOMMENDATION_SCORE = _model(
    "recommendation_score",
    {
        "period": "varchar",
        "target": "varchar",
        "model": "varchar",
        "is_chosen": "boolean",
        "k": "integer",
        "metric": "varchar",
        "value": "double",
        "customer_count": "bigint",
        "from_on": "date",
        "to_on": "date",
        "made_on": "date",
    },
)
RECOMMENDATION_MODELS = (
    RECOMMENDATION,
    SIMILAR_ITEM,
    BOUGHT_TOGETHER,
    FIRST_SCREEN,
    SESSION_RECOMMENDATION,
    RECOMMENDATION_SCORE,
)
DESCRIPTIONS: Mapping[str, str] = {
    RECOMMENDATION.name: (
        "The top 20 of each customer who agreed to marketing, and under customer_key `*` the list for everybody else:"
        " in stock, allowed into the market, not just bought."
    ),
    SIMILAR_ITEM.name: "For each product those that the same customers buy; for new ones those alike in kind and name.",
    BOUGHT_TOGETHER.name: "Pairs of products that stand in one basket more often than chance, with lift and interval.",
    FIRST_SCREEN.name: "What a visitor without a name sees first, by landing page and medium; `*` stands for any.",
    SESSION_RECOMMENDATION.name: "Lists for the open visits of the last day that have looked at products.",
    RECOMMENDATION_SCORE.name: "How good lists were in time order: the chosen model beside popularity and others.",
}
WORDS: Mapping[str, str] = {
    "market": "Country where the buyer receives the goods, ISO 3166-1 alpha-2.",
    "source_id": "Source of the customer's key; `*` in the list for everybody else.",
    "customer_key": "Keyed hash of the customer id; `*` in the list for everybody else.",
    "rank": "Place in the list, from 1.",
    "product_key": "Product, by its key over all sources.",
    "product_id": "Product, as its source names it.",
    "other_product_key": "The other product of the pair.",
    "other_product_id": "The other product, as its source names it.",
    "score": "Larger is better; comparable within a list alone.",
    "model": "What made the list: the blend, or the single model that was better on the validation period.",
    "basis": "`personal` or `popular`; of similar products `customers` or `attributes`.",
    "reason": "Why, in words that a customer may read.",
    "made_on": "First day that the list does not know: the day after the market's last orders.",
    "support": "Customers who have both, or baskets that hold both.",
    "confidence_pct": "Share of the baskets with the product that hold the other too.",
    "lift": "Baskets with both over those that chance would give.",
    "lower_lift": "Lower end of the 95 % interval of the lift.",
    "upper_lift": "Upper end of it.",
    "landing_page": "First page of the visit; `*` for any.",
    "medium": "How the visitor came; `*` for any.",
    "session_count": "Visits of this landing page and medium that looked at a product.",
    "session_key": "Key of the visit.",
    "seen_count": "Products that the visit has looked at.",
    "period": "`test`: what came after everything that was fitted and chosen.",
    "target": "What counts: all purchases, those of customers without history, or what visits look at.",
    "is_chosen": "Whether this model makes the lists.",
    "k": "Length of the list.",
    "metric": "recall, ndcg, coverage or novelty (docs/marketing.md).",
    "value": "Mean over the customers or visits that were judged.",
    "customer_count": "Customers or visits that were judged.",
    "from_on": "First day of the period.",
    "to_on": "Last day of the period.",
}
