"""Features: what is known of each seller on a day, from the published tables.

Belongs here: SQL over published rows, cut to what had happened before the day, and rates that are held against those of
all sellers. Does not: which of them a scorecard asks (see `credit/characteristics.py`), outcomes (`credit/targets.py`).

    features_at(con, [date(2026, 3, 1), date(2026, 6, 1)])   one row per seller and day   (building.py)
    seller_features(con, date(2026, 9, 1))                   one row per seller

A fact counts from the moment at which it happened: a receipt, a delivery, a decision or a grade of a later day is not
seen, and what was open on the day is open, whatever became of it.
"""

from orchestration.credit.features.building import features_at, seller_features

__all__ = ["features_at", "seller_features"]
