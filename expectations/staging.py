"""What each market's batch must satisfy before ledger and marts are built from it."""

import great_expectations as gx

from expectations.promises import EveryRowHasOneState, UnresolvedRowsAreFew, UnresolvedValueIsSmall
from orchestration.settings import Settings


def staged_batch() -> gx.ExpectationSuite:
    """One row per feed and market: unaccounted_rows, unresolved_value_pct (null: no value), unresolved_rows_pct."""
    return gx.ExpectationSuite(
        name="staged_batch",
        expectations=[
            EveryRowHasOneState(severity="critical"),
            UnresolvedValueIsSmall(max_value=Settings().unresolved_value_pct, severity="critical"),
            UnresolvedRowsAreFew(severity="critical"),
        ],
    )
