"""The declared tables of what became of planners' decisions.

Belongs here: names, types and words. Does not: how the figures come about.
"""

from collections.abc import Mapping

from orchestration.modeling.manifest import PublishedModel
from orchestration.planning.hand_value import VALUE_COLUMNS, VALUE_WORDS
from orchestration.planning.outlook_tables import LAYER

DECISION_TYPES: Mapping[str, str] = {
    "suggestion_id": "varchar",
    "site_code": "varchar",
    "product_id": "varchar",
    "supplier_id": "varchar",
    "decision": "varchar",
    "decided_qty": "double",
    "on_order_qty": "double",
    "state": "varchar",
    "expected_on": "date",
    "reason": "varchar",
    "decided_by": "varchar",
    "decided_at": "timestamp",
}
OVERRIDE_TYPES: Mapping[str, str] = {
    "override_id": "varchar",
    "market": "varchar",
    "node_type": "varchar",
    "node_id": "varchar",
    "from_on": "date",
    "to_on": "date",
    "made_on": "date",
    "override_state": "varchar",
    "unused_reason": "varchar",
    "reason": "varchar",
    "decided_by": "varchar",
    "decided_at": "timestamp",
}


OVERRIDE_VALUE = PublishedModel.whole(LAYER, "override_value", VALUE_COLUMNS)
ORDER_DECISION = PublishedModel.whole(LAYER, "order_decision", DECISION_TYPES)
OVERRIDE_STATE = PublishedModel.whole(LAYER, "override_state", OVERRIDE_TYPES)
PLANNER_MODELS = (OVERRIDE_VALUE, ORDER_DECISION, OVERRIDE_STATE)
PLANNER_WORDS: Mapping[str, str] = {
    **VALUE_WORDS,
    "override_id": "Number of the override, as the planner's file has it.",
    "node_type": "Kind of node that is overridden: market, category, subdivision or product.",
    "node_id": "Code or number of the node, as the planner wrote it.",
    "override_state": "planned, waiting (for the next forecast), over, withdrawn, overruled, or unused: no such node.",
    "unused_reason": "Why the newest forecast takes nothing from it; empty where it does.",
    "decision": "What the planner decided: accepted, changed or rejected.",
    "decided_qty": "Units that the decision orders.",
    "on_order_qty": "Those of them that count as on order because no purchase order shows them yet.",
    "state": "open, ordered, rejected, expired without an order, or mismatched: of another site or product.",
    "expected_on": "Day on which the planner expects the goods.",
    "decided_by": "Who decided it.",
    "decided_at": "When it was decided.",
}
