"""The declared tables of declaration risk.

Belongs here: names, types and words. Does not: how the figures come about.
"""

from orchestration.modeling.manifest import PublishedModel

LAYER = "credit"
DECLARATION_RISK = PublishedModel.whole(
    LAYER,
    "declaration_risk",
    {
        "market": "varchar",
        "declaration_line_key": "varchar",
        "declaration_no": "varchar",
        "line_no": "bigint",
        "exporter_id": "varchar",
        "declared_on": "date",
        "hs6_code": "varchar",
        "false_probability": "double",
        "is_unseen": "boolean",
        "unit_value_ratio": "double",
        "origin_false_share": "double",
        "code_false_share": "double",
        "signals_en": "varchar",
        "signals_zh": "varchar",
        "learnt_to_on": "date",
    },
)
DECLARATION_RISK_MEASURE = PublishedModel.whole(
    LAYER, "declaration_risk_measure", {"slice": "varchar", "metric": "varchar", "value": "double"}
)
DECLARATION_MODELS = (DECLARATION_RISK, DECLARATION_RISK_MEASURE)
DECLARATION_WORDS = {
    "declaration_line_key": "Surrogate key of the declaration line.",
    "line_no": "Line of the declaration.",
    "exporter_id": "Seller abroad, or exporter, as the declaration names it.",
    "declared_on": "Day of the declaration.",
    "hs6_code": "First six digits of the code of the goods.",
    "false_probability": "Probability that value, origin or code are false, learnt from inspected declarations.",
    "is_unseen": "Whether no inspected line has the same code, mass and value: a known one is mostly remembered.",
    "unit_value_ratio": "Declared value of a kilogram in the median of its code; far below 1 looks undervalued.",
    "origin_false_share": "Share of false lines of this code from this origin among those inspected, shrunk.",
    "code_false_share": "Share of false lines of this code among those inspected, shrunk.",
    "signals_en": "What stands out, in English.",
    "signals_zh": "The same in Chinese.",
    "learnt_to_on": "Day of the newest inspected declaration.",
    "slice": "What was judged: all lines of the last quarter of the inspected days, or those of unseen goods.",
    "metric": "rows, base_rate, precision_at_5 or precision_at_10.",
    "value": "The figure.",
}
