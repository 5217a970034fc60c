"""What one credit run has computed and not yet published, in a file of its own.

Belongs here: what a credit run reads and publishes. Does not: how (see `runs/unpartitioned.py`), the figures.
"""

from orchestration.credit.tables import CREDIT_MODELS, LAYER
from orchestration.lake import Lake
from orchestration.runs import unpartitioned
from orchestration.runs.unpartitioned import UnpartitionedRun
from orchestration.settings import Settings

READ_LAYERS = ("staging", "marts")


def newest_publication(lake: Lake) -> int:
    """The newest publication of anything that credit reads; 0 before the first."""
    return unpartitioned.newest_publication(lake, READ_LAYERS)


class CreditRun(UnpartitionedRun):
    """The file of one run of the credit job."""

    def __init__(self, settings: Settings, lake: Lake, root_run_id: str) -> None:
        super().__init__(settings, lake, root_run_id, layer=LAYER, layers=READ_LAYERS, models=CREDIT_MODELS)
