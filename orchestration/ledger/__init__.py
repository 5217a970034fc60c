"""The trade ledger as readers ask for it: its state as of any moment.

Belongs here: what is computed from the published ledger and its events. Does not: how these are built (see
dbt_project/models/marts/ledger), where tables live (see lake/).
"""

from orchestration.ledger.as_of import ledger_as_of, milestone_ranks

__all__ = ["ledger_as_of", "milestone_ranks"]
