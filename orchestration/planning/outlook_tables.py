"""The declared tables of arrival times and capacity.

Belongs here: names, types and words of what is published. Does not: how the figures come about.
"""

from collections.abc import Mapping

from orchestration.modeling.manifest import PublishedModel

LAYER = "planning"


SHIPMENT_OUTLOOK = PublishedModel.whole(
    LAYER,
    "shipment_outlook",
    {
        "shipment_key": "varchar",
        "market": "varchar",
        "origin_country": "varchar",
        "site_code": "varchar",
        "carrier_code": "varchar",
        "transport_mode": "varchar",
        "made_on": "date",
        "shipped_on": "date",
        "promised_on": "date",
        "age_days": "double",
        "last_step": "varchar",
        "arrives_p10_at": "timestamp",
        "arrives_p50_at": "timestamp",
        "arrives_p90_at": "timestamp",
        "clears_p10_hours": "double",
        "clears_p50_hours": "double",
        "clears_p90_hours": "double",
        "late_probability": "double",
        "arrival_model_code": "varchar",
        "lateness_model_code": "varchar",
        "reason": "varchar",
    },
)
LEAD_TIME = PublishedModel.whole(
    LAYER,
    "lead_time",
    {
        "origin_country": "varchar",
        "market": "varchar",
        "transport_mode": "varchar",
        "supplier_id": "varchar",
        "site_code": "varchar",
        "part": "varchar",
        "made_on": "date",
        "pooled_level": "varchar",
        "n": "bigint",
        "pooled_n": "bigint",
        "mean_days": "double",
        "deviation_days": "double",
        "p100_days": "double",
        "p250_days": "double",
        "p500_days": "double",
        "p750_days": "double",
        "p900_days": "double",
        "p950_days": "double",
        "p990_days": "double",
    },
)
CAPACITY_OUTLOOK = PublishedModel.whole(
    LAYER,
    "capacity_outlook",
    {
        "site_code": "varchar",
        "site_country": "varchar",
        "capacity_kind": "varchar",
        "target_on": "date",
        "made_on": "date",
        "p50_qty": "double",
        "p90_qty": "double",
        "p99_qty": "double",
        "capacity_qty": "double",
        "utilisation_pct": "double",
        "is_alarm": "boolean",
        "is_peak": "boolean",
        "event_code": "varchar",
        "has_history": "boolean",
        "words": "varchar",
    },
)
OUTLOOK_MODELS = (SHIPMENT_OUTLOOK, LEAD_TIME, CAPACITY_OUTLOOK)
OUTLOOK_WORDS: Mapping[str, str] = {
    "shipment_key": "Key of the shipment.",
    "origin_country": "Country from which the goods leave.",
    "carrier_code": "Carrier that has the shipment.",
    "shipped_on": "Day on which the carrier took it over (UTC).",
    "promised_on": "Day promised to the buyer; null without one.",
    "age_days": "Days since the carrier took it over.",
    "last_step": "The last step that tracking told; empty without one.",
    "arrives_p10_at": "When one of ten such shipments arrives at the latest (UTC).",
    "arrives_p50_at": "When half of such shipments arrive at the latest (UTC).",
    "arrives_p90_at": "When nine of ten such shipments arrive at the latest (UTC).",
    "clears_p10_hours": "Hours until customs there release one of ten such shipments; null where done or never due.",
    "clears_p50_hours": "Hours until the destination's customs release half of such shipments.",
    "clears_p90_hours": "Hours until the destination's customs release nine of ten such shipments.",
    "late_probability": "Probability of arriving after the promised day; null without one.",
    "arrival_model_code": "Model of the arrival that foretold past days best; empty without enough of them.",
    "lateness_model_code": "Model of the lateness that foretold past days best.",
    "part": "Part of the way: handling, export_clearance, transit, import_clearance, total (order to delivery); or"
    " replenishment, of a warehouse, from purchase order to receipt.",
    "pooled_level": "Whose shipments the quantiles come from: lane_mode, market_mode, mode, all; or whose receipts:"
    " supplier_site, site, all.",
    "n": "Shipments of the lane itself in the last year, or receipts of the supplier and warehouse.",
    "pooled_n": "Shipments or receipts that the quantiles come from.",
    "mean_days": "Mean days.",
    "deviation_days": "Standard deviation of the days.",
    "p100_days": "Days that 10 % keep.",
    "p250_days": "Days that 25 % keep.",
    "p500_days": "Days that half keep.",
    "p750_days": "Days that 75 % keep.",
    "p900_days": "Days that 90 % keep.",
    "p950_days": "Days that 95 % keep.",
    "p990_days": "Days that 99 % keep.",
    "site_country": "Country of the site.",
    "capacity_kind": "What is limited: parcels_per_day, storage_pieces, orders_per_minute or sessions_per_minute.",
    "target_on": "Day that is foretold.",
    "p50_qty": "Highest load of the day, exceeded in half of the cases, in the unit of the kind.",
    "p90_qty": "Load that nine of ten such days stay below.",
    "p99_qty": "Load that 99 of 100 such days stay below.",
    "capacity_qty": "What the site can bear by its last statement; null where it said nothing above zero.",
    "utilisation_pct": "p90 in percent of capacity.",
    "is_alarm": "Whether p90 lies above 85 % of capacity.",
    "is_peak": "Whether the day has the highest expected load of its event.",
    "event_code": "Event that raises the day most; empty where none does.",
    "has_history": "Whether there was a week of history to learn from.",
    "words": "By how much, why, and what would avoid it; or why there can be no alarm.",
}
