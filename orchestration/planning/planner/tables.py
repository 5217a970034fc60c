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


OVERRIDE_VALUE = PublishedModel.whole(LAYER, "override_value", VALUE_COLUMNS)
ORDER_DECISION = PublishedModel.whole(LAYER, "order_decision", DECISION_TYPES)
PLANNER_MODELS = (OVERRIDE_VALUE, ORDER_DECISION)
PLANNER_WORDS: Mapping[str, str] = {
    **VALUE_WORDS,
    "decision": "What the planner decided: accepted, changed or rejected.",
    "decided_qty": "Units that the decision orders.",
    "on_order_qty": "Those of them that count as on order because no purchase order shows them yet.",
    "state": "open, ordered, rejected, expired without an order, or mismatched: of another site or product.",
    "expected_on": "Day on which the planner expects the goods.",
    "decided_by": "Who decided it.",
    "decided_at": "When it was decided.",
}
