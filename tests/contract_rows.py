"""Raw rows made from the contracts, with what staging must say of each: sound ones, and one for each way to be bad.

Belongs here: valid and invalid values of fields, and the fates that every feed shares. Does not: rules of one feed over
several fields (see the unit tests beside the models).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from orchestration.arrivals.contracts import Contract, ContractField, contracts
from orchestration.modeling.contract_book import FieldRule, field_rules

VALID_NUMBERS = {
    "uscc": "91350100M000100Y43",
    "ric": "11010519491231002X",
    "vat": "DE136695976",
    "eori": "DE1234567",
    "gtin": "4006381333931",
    "iso6346": "CSQU3054383",
}
# Fields whose form no type, code list or kind of number tells.
VALID_TEXTS = {
    ("declaration_lines", "hs_code"): "610910",
    ("products", "hs_code"): "6109100010",
    ("fx_rates", "currency_code"): "USD",
    ("rebate_claims", "claim_key"): "530120260000000001001",
    ("rebate_claims", "declaration_no"): "530120260000000001",
    ("rebate_claims", "declaration_line_no"): "1",
    ("rebate_claims", "rebate_amount"): "0",
    ("rebate_claims", "hs_code"): "610910",
    ("declaration_lines", "legal_unit_1_code"): "007",
    ("shipment_lines", "weight_ref"): "line_no",
    ("shipment_lines", "freight_ref"): "line_no",
    ("forecast_overrides", "factor_pct"): "130",
    ("credit_decisions", "decision"): "freeze",
    ("credit_decisions", "limit_amount"): "0",
}
# Rows that break a rule of one field and cannot but break one over several.
CONSEQUENCES: Mapping[str, tuple[str, ...]] = {
    "declaration_lines.legal_unit_1_code_too_long#0": (
        "declaration_lines.legal_unit_against_tariff",
        "declaration_lines.legal_quantity_missing",
    ),
    "declaration_receipts.received_at_implausible#0": ("declaration_receipts.before_declared",),
    "products.hs_code_too_long#0": ("products.hs_code_malformed",),
    "rebate_claims.claim_key_malformed#0": ("rebate_claims.key_against_declaration",),
    "rebate_claims.claim_key_too_long#0": ("rebate_claims.key_against_declaration",),
    "rebate_claims.declaration_line_no_too_long#0": ("rebate_claims.key_against_declaration",),
    "rebate_claims.declaration_no_too_long#0": ("rebate_claims.key_against_declaration",),
    "rebate_claims.hs_code_too_long#0": ("rebate_claims.hs_code_malformed",),
    "shipments.shipped_at_implausible#1": ("shipments.waybill_reused",),
    "disputes.closed_at_implausible#0": ("disputes.closed_before_opened",),
    "sessions.ended_at_implausible#0": ("sessions.ended_before_started",),
    "shipments.delivered_at_implausible#0": ("shipments.delivered_before_shipped",),
}
# Optional fields without which a record of the feed is not sound.
ALSO_NEEDED: Mapping[str, tuple[str, ...]] = {
    "shipments": ("shipped_at",),
    "forecast_overrides": ("quantity",),
    "credit_decisions": ("seller_id",),
}
# Optional fields of which a sound record has one.
INSTEAD_OF = {("forecast_overrides", "factor_pct"): "quantity"}
# Optional fields that are sound only together.
TOGETHER = {("declaration_lines", "legal_unit_1_code"): "legal_quantity_1"}
BY_TYPE = {
    "timestamp": "2026-03-01T10:00:00Z",
    "date": "2026-03-01",
    "month": "2026-03",
    "country": "DE",
    "currency": "EUR",
    "boolean": "true",
}
# Rules over several fields of one row: what breaks them, in a record that is sound otherwise.
BREACHES: Mapping[str, Mapping[str, str]] = {
    "credit_decisions.amount_without_override": {"limit_amount": "1"},
    "credit_decisions.ends_before_it_begins": {"valid_until": "2026-02-28"},
    "credit_decisions.override_without_amount": {"decision": "override", "limit_amount": "1"},
    "credit_decisions.subject_missing": {"decision": "approve_model"},
    "customers.country_against_subdivision": {"subdivision_code": "FR-75"},
    "declarations.gross_below_net": {"gross_mass_kg": "1", "net_mass_kg": "1.0001"},
    "declarations.mode_against_flow": {"supervision_mode": "1239", "flow": "export"},
    "disputes.closed_before_opened": {"closed_at": "2026-03-01T09:59:59Z"},
    "forecast_overrides.dates_reversed": {"from_on": "2026-03-02", "to_on": "2026-03-01"},
    "forecast_overrides.factor_is_a_fraction": {"factor_pct": "1.3"},
    "forecast_overrides.quantity_or_factor": {"quantity": "10", "factor_pct": "130"},
    "media_spend.clicks_above_impressions": {"clicks": "2", "impressions": "1"},
    "order_decisions.changed_without_quantity": {"decision": "changed"},
    "order_decisions.quantity_against_decision": {"suggested_qty": "10", "quantity": "9"},
    "orders.amounts_do_not_add_up": {
        "goods_amount": "10", "freight_amount": "1", "tax_amount": "2", "discount_amount": "3", "payable_amount": "11",
    },
    "orders.country_against_subdivision": {"subdivision_code": "FR-75"},
    "payments.amount_against_type": {"payment_type": "refund", "amount": "1"},
    "products.hs_chapter_unknown": {"hs_code": "7701100000"},
    "products.hs_code_malformed": {"hs_code": "6109"},
    "products.hs_code_scientific": {"hs_code": "6.1091E+09"},
    "promotions.ends_before_starts": {"starts_on": "2026-03-02", "ends_on": "2026-03-01"},
    "purchase_orders.received_before_ordered": {"received_on": "2026-02-27"},
    "rebate_claims.above_base": {"base_amount": "100", "rate_pct": "13", "rebate_amount": "13.02"},
    "rebate_claims.hs_chapter_unknown": {"hs_code": "990110"},
    "rebate_claims.hs_code_malformed": {"hs_code": "001234"},
    "rebate_claims.hs_code_scientific": {"hs_code": "610910.0"},
    "rebate_claims.key_against_declaration": {"declaration_line_no": "2"},
    "sellers.country_against_subdivision": {"subdivision_code": "FR-75"},
    "sessions.ended_before_started": {"ended_at": "2026-03-01T09:59:59Z"},
    "settlements.amount_against_leg": {"leg_type": "gross", "amount": "-1"},
    "shipments.waybill_no_check_digit": {"waybill_no": "RB473124820CN"},
}  # fmt: skip
# Repairs that one row tells: what is repaired.
MENDED: Mapping[str, Mapping[str, str]] = {
    "products.hs_leading_zero": {"hs_code": "101291000"},
    "products.hs_punctuation": {"hs_code": "6109.10.00 10"},
    "rebate_claims.hs_leading_zero": {"hs_code": "10129"},
    "rebate_claims.hs_punctuation": {"hs_code": "6109.10"},
}
LOADED_AT = "2026-03-05 06:00:00"


@dataclass(frozen=True)
class RawRow:
    """One raw row: its name (also its record key), its fields, load columns that differ, and what becomes of it.

    survivor: name of the row that stands in its place, or the place itself where another file holds it.
    """

    name: str
    values: Mapping[str, str | None]
    load: Mapping[str, object] = field(default_factory=dict)
    state: str = "accepted"
    rules: tuple[str, ...] = ()
    survivor: str | None = None
    repairs: tuple[str, ...] = ()


def valid(feed: str, one: ContractField) -> str:
    """A value that the field accepts."""
    if (feed, one.name) in VALID_TEXTS:
        return VALID_TEXTS[feed, one.name]
    if one.identifier is not None:
        return VALID_NUMBERS[one.identifier]
    if one.type == "code":
        return one.codes[0]
    if one.type in ("integer", "decimal"):
        return str(max(Decimal(1), Decimal(one.minimum or 0)))
    return BY_TYPE.get(one.type, one.name[: one.max_length])


def sound(contract: Contract) -> dict[str, str | None]:
    """The fields of a record that breaks no rule, with as few of them as that takes."""
    needed = ALSO_NEEDED.get(contract.feed, ())
    return {
        one.name: valid(contract.feed, one) if one.is_required or one.name in needed else None
        for one in contract.fields
    }


def without(feed: str, names: Iterable[str]) -> dict[str, str | None]:
    """What a sound record lacks once it has these fields: the fields instead of which they stand."""
    given = set(names)
    found = {INSTEAD_OF[feed, name] for name in given if (feed, name) in INSTEAD_OF}
    return dict.fromkeys(found - given)


def invalid(one: ContractField, rule: FieldRule) -> list[str | None]:
    """Values that break this rule of the field."""
    match rule.test:
        case "missing":
            return [None]
        case "unreadable":
            return ["1.5" if one.type == "integer" else "31 February"]
        case "implausible":
            time = "T10:00:00Z" if one.type == "timestamp" else ""
            return [f"1989-12-31{time}", f"2026-03-08{time}"]
        case "currency" | "country" | "code":
            return ["QQQ"]
        case "not_above":
            return [rule.bound, str(Decimal(rule.bound) - 1)]
        case "below":
            return [str(Decimal(rule.bound) - 1)]
        case "outside":
            lowest, highest = rule.bound.split("..")
            return [str(Decimal(highest) + 1), *([str(Decimal(lowest) - 1)] if lowest else [])]
        case "pattern":
            return ["~"]
        case "identifier":
            good = VALID_NUMBERS[rule.bound]
            return ["~"] if rule.bound == "eori" else [good[:-1] + ("1" if good[-1] != "1" else "2"), "~"]
        case "too_long":
            return ["x" * (int(rule.bound) + 1)]
    raise LookupError(f"{rule.rule_id}: no value is known that breaks the test {rule.test!r}")


def broken(contract: Contract) -> Iterator[RawRow]:
    """For each rule of a field the rows that break it, and no other unless the same text cannot help it."""
    rules = field_rules(contract)
    formed = {rule.field: rule.rule_id for rule in rules if rule.test in ("pattern", "identifier")}
    for rule in rules:
        for number, value in enumerate(invalid(contract.field(rule.field), rule)):
            # What is too long for its column has not the form of its kind either.
            also = (formed[rule.field],) if rule.test == "too_long" and rule.field in formed else ()
            name = f"{rule.rule_id}#{number}"
            rules_broken = (rule.rule_id, *also, *CONSEQUENCES.get(name, ()))
            values = without(contract.feed, [rule.field]) | {rule.field: value}
            yield RawRow(name, sound(contract) | values, {}, "quarantined", rules_broken)


def breaches(contract: Contract) -> Iterator[RawRow]:
    """For each rule over several fields of one row a row that breaks it."""
    for rule, values in BREACHES.items():
        if rule.startswith(f"{contract.feed}."):
            alone = without(contract.feed, values)
            yield RawRow(rule, sound(contract) | alone | values, {}, "quarantined", (rule,))
    for rule, values in MENDED.items():
        if rule.startswith(f"{contract.feed}."):
            yield RawRow(rule, sound(contract) | values, {}, "repaired", repairs=(rule,))


def fates(contract: Contract) -> Iterator[RawRow]:
    """What can become of a record of any feed; lines stand in the documents that their headers' fates name."""
    feed, good = contract.feed, sound(contract)
    first = next(one.name for one in contract.fields if one.is_required and one.name != contract.market_field)
    bad, missing = good | {first: None}, (f"{feed}.{first}_missing",)

    def quarantined(name: str, rule: str, load: Mapping[str, object] | None = None, **values: str) -> RawRow:
        return RawRow(name, good | values, load or {}, "quarantined", (rule,))

    yield RawRow("sound", good)
    for one in contract.fields:
        if good[one.name] is None:
            beside = contract.field(TOGETHER.get((feed, one.name), one.name))
            values = {one.name: valid(feed, one), beside.name: valid(feed, beside)}
            yield RawRow(f"with {one.name}", good | without(feed, values) | values)
    yield RawRow("alias", good, {"_repairs": "country:market.alias"}, "repaired", repairs=("market.alias",))
    yield RawRow("refused", bad, {}, "quarantined", missing)
    # Delivered twice, once with an older version, and once with a newer one that is no good.
    corrected = {"_record_key": "corrected", "_document_key": "sound"}
    yield RawRow("newest", good, {**corrected, "_version": 2})
    yield RawRow("newest again", good, {**corrected, "_version": 2, "_content_hash": "!"}, "superseded", (), "newest")
    yield RawRow("old", good, {**corrected, "_version": 1, "_event_at": "2027"}, "superseded", (), "newest")
    yield RawRow("newest but bad", bad, {**corrected, "_version": 3}, "quarantined", missing)
    # Read again after a fix: its new reading counts, whatever the old one breaks.
    yield RawRow("replayed", bad, {"_replayed_by": "again.csv#7"}, "superseded", missing, "again.csv#7")
    yield RawRow("replayed in vain", bad, {"_replay_count": 1}, "quarantined", missing)
    plain = [
        one.name
        for one in contract.fields
        if one.type == "text" and not one.identifier and not one.pattern and (feed, one.name) not in VALID_TEXTS
    ]
    yield quarantined("letters lost", "row.replacement_character", **{plain[-1]: "Gru\ufffd"})
    if contract.has_market:
        yield quarantined("atlantis", f"{feed}.market_unknown", {"_market": "ZZ"})
    if contract.waits:
        yield quarantined("waited", f"{feed}.order_never_came", {"_is_overdue": True})
    if contract.change_field is not None:
        change = contract.change_field
        yield RawRow("deleted", good, {"_version": 1}, "superseded", (), "delete")
        tombstone = {"_record_key": "deleted", "_document_key": "deleted", "_version": 2}
        yield RawRow("delete", good | {change: "delete"}, tombstone)
    if contract.follows is not None:
        yield quarantined("of refused", f"{feed}.header_quarantined", {"_document_key": "refused"})
        parent = contracts()[contract.follows]
        if parent.change_field is not None:
            # The tombstone stands in the header's file.
            yield RawRow("of deleted", good, {"_document_key": "deleted"}, "superseded", (), f"{parent.feed}:delete")


def totals(contract: Contract) -> Iterator[RawRow]:
    """Two orders of one line of one euro: a header that is a cent off, and one that is four euros off."""
    good = sound(contract)
    if contract.feed == "orders":
        rounded = RawRow("rounded", good | {"goods_amount": "1.01"}, {}, "repaired", repairs=("orders.goods_rounding",))
        yield rounded
        yield RawRow("off", good | {"goods_amount": "5"}, {}, "quarantined", ("orders.goods_against_lines",))
    if contract.feed == "order_lines":
        yield RawRow("of rounded", good, {"_document_key": "rounded"})
        refused = ("order_lines.header_quarantined",)
        yield RawRow("of off", good, {"_document_key": "off"}, "quarantined", refused)


def deletions_and_releases(contract: Contract) -> Iterator[RawRow]:
    """A declaration that was deleted an hour after customs had released it, and one an hour before."""
    good = sound(contract)
    if contract.feed == "declaration_receipts":
        released = good | {"status_code": "800", "received_at": "2026-03-02T12:00:00Z"}
        yield RawRow("release", released, {"_document_key": "kept"})
        yield RawRow("release too late", released, {"_document_key": "gone"}, "superseded", (), "declarations:in time")
    if contract.feed == "declarations":
        for name, newer, sent_at in (("kept", "too late", "13:00:00"), ("gone", "in time", "11:00:00")):
            tombstone = good | {"change_type": "delete", "updated_at": f"2026-03-02T{sent_at}Z"}
            load = {"_record_key": name, "_document_key": name, "_version": 2}
            if name == "kept":
                yield RawRow(name, good)
                yield RawRow(newer, tombstone, load, "quarantined", ("declarations.deleted_after_release",))
            else:
                yield RawRow(name, good, {}, "superseded", (), newer)
                yield RawRow(newer, tombstone, load)


@cache
def rows_of(feed: str) -> tuple[RawRow, ...]:
    """Every row of a feed; its number in its file is its place here, from 1."""
    contract = contracts()[feed]
    return (
        *fates(contract),
        *totals(contract),
        *deletions_and_releases(contract),
        *breaches(contract),
        *broken(contract),
    )


def file_of(feed: str) -> str:
    """The file that holds the rows of a feed."""
    return f"{feed}_rows.csv"


def placed(feed: str, survivor: str | None) -> str | None:
    """The place of a survivor, as staging writes it: file, '#', row."""
    if survivor is None or "#" in survivor:
        return survivor
    owner, _, name = survivor.rpartition(":")
    numbers = {row.name: number for number, row in enumerate(rows_of(owner or feed), 1)}
    return f"{file_of(owner or feed)}#{numbers[name]}"
