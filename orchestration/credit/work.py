"""What one credit run has computed and not yet published, in a file of its own.

Belongs here: what a credit run reads and publishes. Does not: how (see `runs/unpartitioned.py`), the figures.
"""

from orchestration.credit.tables import CREDIT_MODELS, LAYER, LIMIT_MODELS, SCORE_MODELS
from orchestration.lake import Lake
from orchestration.runs import unpartitioned
from orchestration.runs.unpartitioned import UnpartitionedRun
from orchestration.settings import Settings

READ_LAYERS = ("staging", "marts")
# The published tables that the steps read: a view of any other would cost time and be looked at by nobody.
SALES_READS = frozenset({"fct_orders", "fct_payouts", "held_back", "stg_fx_rates"})
FEATURE_READS = SALES_READS | {
    *("fct_declaration_coverage", "fct_match_result", "fct_rebate_claims", "fct_trade_ledger"),
    *("stg_advances", "stg_declaration_receipts", "stg_disputes", "stg_guarantee_claims", "stg_products"),
    *("stg_repayments", "stg_sellers"),
}
DECISION_READS = frozenset({"limit_decision", "reference_quarantine", "stg_credit_decisions"})
VERSION_READS = FEATURE_READS | DECISION_READS | {"credit_model", "credit_model_measure", "credit_model_validation"}
SCORE_READS = FEATURE_READS | {model.name for model in SCORE_MODELS}
LIMIT_READS = (
    SALES_READS
    | DECISION_READS
    | {
        *("fct_rebate_claims", "stg_advances", "stg_declarations", "stg_repayments"),
        *(model.name for model in LIMIT_MODELS),
    }
)
GUARANTEE_READS = SALES_READS | {"fct_trade_ledger", "stg_disputes", "stg_guarantee_claims", "stg_orders"}
CARD_READS = frozenset({"credit_model", "credit_model_measure", "credit_model_validation", "limit_decision"}) | {
    *("seller_advance", "seller_feature", "seller_score"),
}
DECLARATION_READS = frozenset({"fct_declarations"})


def newest_publication(lake: Lake) -> int:
    """The newest publication of anything that credit reads; 0 before the first."""
    return unpartitioned.newest_publication(lake, READ_LAYERS)


class CreditRun(UnpartitionedRun):
    """The file of one run of the credit job."""

    def __init__(self, settings: Settings, lake: Lake, root_run_id: str) -> None:
        super().__init__(settings, lake, root_run_id, layer=LAYER, layers=READ_LAYERS, models=CREDIT_MODELS)
