"""The declared tables of scores, limits and pledges.

Belongs here: names, types and words of what is published. Does not: how the figures come about, guarantee tables
(see `guarantee/tables.py`).
"""

from collections.abc import Mapping

from orchestration.credit.guarantee.tables import GUARANTEE_MODELS, GUARANTEE_WORDS
from orchestration.modeling.manifest import PublishedModel

LAYER = "credit"

CREDIT_MODEL = PublishedModel.whole(
    LAYER,
    "credit_model",
    {
        "version": "varchar",
        "trained_on": "date",
        "target_definition": "varchar",
        "sample_from_on": "date",
        "sample_to_on": "date",
        "row_count": "bigint",
        "bad_count": "bigint",
        "status": "varchar",
        "is_in_use": "boolean",
        "does_qualify": "boolean",
        "qualification": "varchar",
        "decided_by": "varchar",
        "decided_at": "timestamp",
        "decision_id": "varchar",
        "notes": "varchar",
        "card_json": "varchar",
    },
)
CREDIT_MODEL_MEASURE = PublishedModel.whole(
    LAYER,
    "credit_model_measure",
    {"version": "varchar", "slice": "varchar", "metric": "varchar", "value": "double"},
)
SELLER_FEATURE = PublishedModel.whole(
    LAYER,
    "seller_feature",
    {"seller_id": "varchar", "as_of_on": "date", "name": "varchar", "value": "double", "value_text": "varchar"},
)
SELLER_SCORE = PublishedModel.whole(
    LAYER,
    "seller_score",
    {
        "seller_id": "varchar",
        "as_of_on": "date",
        "version": "varchar",
        "model_status": "varchar",
        "score": "integer",
        "probability": "double",
        "grade": "varchar",
        "is_thin": "boolean",
        "scored_on": "date",
        "basis": "varchar",
        "is_stale": "boolean",
        "stale_reason": "varchar",
        "stale_since_on": "date",
        "stale_markets": "varchar",
        "change_points": "integer",
        "reasons_en": "varchar",
        "reasons_zh": "varchar",
        "note": "varchar",
    },
)
SELLER_SCORE_PART = PublishedModel.whole(
    LAYER,
    "seller_score_part",
    {
        "seller_id": "varchar",
        "as_of_on": "date",
        "version": "varchar",
        "name": "varchar",
        "label_en": "varchar",
        "label_zh": "varchar",
        "value": "double",
        "value_text": "varchar",
        "bin": "varchar",
        "points": "integer",
        "most_points": "integer",
        "shortfall_points": "integer",
        "shortfall_rank": "integer",
        "reason_en": "varchar",
        "reason_zh": "varchar",
    },
)
SELLER_SCORE_CHANGE = PublishedModel.whole(
    LAYER,
    "seller_score_change",
    {
        "seller_id": "varchar",
        "as_of_on": "date",
        "previous_on": "date",
        "version": "varchar",
        "previous_version": "varchar",
        "name": "varchar",
        "label_en": "varchar",
        "label_zh": "varchar",
        "bin": "varchar",
        "previous_bin": "varchar",
        "points": "integer",
        "previous_points": "integer",
        "change_points": "integer",
    },
)
SELLER_LIMIT = PublishedModel.whole(
    LAYER,
    "seller_limit",
    {
        "seller_id": "varchar",
        "as_of_on": "date",
        "version": "varchar",
        "grade": "varchar",
        "policy_from": "date",
        "cap_usd": "double",
        "alpha": "double",
        "verified_receipts_usd": "double",
        "receipts_term_usd": "double",
        "beta": "double",
        "unpaid_rebate_usd": "double",
        "rebate_term_usd": "double",
        "base_usd": "double",
        "limited_by": "varchar",
        "grade_factor": "double",
        "line_usd": "double",
        "outstanding_usd": "double",
        "overdue_usd": "double",
        "days_past_due": "integer",
        "stop_reason": "varchar",
        "model_limit_usd": "double",
        "override_usd": "double",
        "decision_id": "varchar",
        "pending_decisions": "varchar",
        "limit_basis": "varchar",
        "limit_usd": "double",
        "is_stale": "boolean",
        "reason": "varchar",
        "data_problem": "varchar",
    },
)
SELLER_ADVANCE = PublishedModel.whole(
    LAYER,
    "seller_advance",
    {
        "advance_no": "varchar",
        "seller_id": "varchar",
        "paid_out_at": "timestamp",
        "principal_amount": "double",
        "currency_code": "varchar",
        "pledged_declaration_no": "varchar",
        "pledged_line_no": "varchar",
        "outstanding_amount": "double",
        "outstanding_usd": "double",
        "overdue_usd": "double",
        "days_past_due": "integer",
        "problem": "varchar",
    },
)
PLEDGE = PublishedModel.whole(
    LAYER,
    "pledge",
    {
        "declaration_no": "varchar",
        "line_no": "varchar",
        "advance_no": "varchar",
        "seller_id": "varchar",
        "pledged_at": "timestamp",
        "pledge_state": "varchar",
        "declaration_status": "varchar",
        "principal_amount": "double",
        "currency_code": "varchar",
        "outstanding_usd": "double",
    },
)
PLEDGE_REFUSAL = PublishedModel.whole(
    LAYER,
    "pledge_refusal",
    {
        "advance_no": "varchar",
        "seller_id": "varchar",
        "declaration_no": "varchar",
        "line_no": "varchar",
        "asked_at": "timestamp",
        "first_advance_no": "varchar",
        "first_seller_id": "varchar",
        "first_pledged_at": "timestamp",
        "principal_amount": "double",
        "currency_code": "varchar",
        "outstanding_usd": "double",
        "reason": "varchar",
    },
)
CREDIT_EXPOSURE = PublishedModel.whole(
    LAYER,
    "credit_exposure",
    {
        "market": "varchar",
        "grade": "varchar",
        "as_of_on": "date",
        "seller_count": "bigint",
        "stale_seller_count": "bigint",
        "sales_usd": "double",
        "verified_receipts_usd": "double",
        "outstanding_usd": "double",
        "overdue_usd": "double",
        "limit_usd": "double",
        "model_limit_usd": "double",
        "expected_loss_usd": "double",
        "guaranteed_usd": "double",
    },
)
CREDIT_STALE_MARKET = PublishedModel.whole(
    LAYER,
    "credit_stale_market",
    {
        "market": "varchar",
        "as_of_on": "date",
        "reason": "varchar",
        "is_held_back": "boolean",
        "stale_since_on": "date",
        "data_until_on": "date",
        "seller_count": "bigint",
    },
)
LIMIT_DECISION = PublishedModel.whole(
    LAYER,
    "limit_decision",
    {
        "decision_key": "varchar",
        "decision_id": "varchar",
        "word_no": "integer",
        "decision": "varchar",
        "seller_id": "varchar",
        "model_version": "varchar",
        "limit_amount": "double",
        "currency_code": "varchar",
        "limit_usd": "double",
        "valid_until": "date",
        "reason": "varchar",
        "decided_by": "varchar",
        "second_by": "varchar",
        "decided_at": "timestamp",
        "recorded_on": "date",
        "needs_second": "boolean",
        "state": "varchar",
        "state_reason": "varchar",
        "content_hash": "varchar",
        "source_file": "varchar",
        "source_row": "bigint",
    },
)
SCORE_MODELS = (
    CREDIT_MODEL,
    CREDIT_MODEL_MEASURE,
    SELLER_FEATURE,
    SELLER_SCORE,
    SELLER_SCORE_PART,
    SELLER_SCORE_CHANGE,
)
LIMIT_MODELS = (SELLER_LIMIT, SELLER_ADVANCE, PLEDGE, PLEDGE_REFUSAL, LIMIT_DECISION, CREDIT_EXPOSURE)
CREDIT_MODELS = (CREDIT_STALE_MARKET, *SCORE_MODELS, *LIMIT_MODELS, *GUARANTEE_MODELS)
