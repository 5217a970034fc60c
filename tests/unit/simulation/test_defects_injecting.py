"""Putting defects in: each changes what it says and nothing else, is told in the truth, and leaves the others alone."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.defects.catalogue import defects
from orchestration.simulation.defects.codes import with_wrong_postal_digit
from orchestration.simulation.defects.inject import INJECTORS, TRUTH_SCHEMA, DefectConfig, inject
from orchestration.simulation.defects.overrides import as_text
from tests.unit.simulation.defects_batch import clean_batch

TAG = "GB-2024-03"
SEED = 75  # its lottery gives this batch late, early and overlapping deliveries
IN_TABLES = [found.id for found in defects().values() if found.level != "file"]
# What comes in addition to the record that it belongs to.
ADDED = {
    "exact_duplicate", "exact_duplicate_event", "correction", "stale_version", "deleted_before_release",
    "deleted_after_release", "tracking_illegal",
}  # fmt: skip
UNMOVED = {"tracking_disordered", "refund_leg", "split_shipment", "merged_parcel", "overlapping_file"}


@pytest.fixture(scope="module")
def clean():
    return clean_batch()


@pytest.fixture(scope="module")
def dirty(clean):
    return inject(clean, config=DefectConfig(SEED, multiplier=25), tag=TAG)


@pytest.fixture(scope="module")
def truth(dirty):
    return dirty.truth.to_pylist()


def shown(tables, key, overrides=None):
    """The rows of a table as its files show them: a tuple of texts each, columns by name."""
    table = tables[key] if overrides is None else overrides.over(*key, tables[key])
    names = sorted(set(table.column_names) | ({"note"} if key == ("hub", "orders") else set()))
    columns = [as_text(table.column(n)).to_pylist() if n in table.column_names else [None] * len(table) for n in names]
    return names, list(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def differences(clean, dirty):
    """By table: column names, rows that are gone, rows that are new."""
    found = {}
    for key in clean:
        names, before = shown(clean, key)
        _, after = shown(dirty.tables, key, dirty.overrides)
        gone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
        found[key] = names, list(gone.elements()), list(new.elements())
    return found


@pytest.mark.parametrize("defect_id", IN_TABLES)
def test_a_defect_is_told_in_the_truth_with_what_the_catalogue_says(truth, defect_id):
    found, rows = defects()[defect_id], [row for row in truth if row["defect_id"] == defect_id]
    mains = [row for row in rows if row["role"] == "main"]
    assert mains, "the batch has no such defect"
    for row in mains:
        assert (row["feed"], row["visibility"], row["treatment"]) == (found.feed, found.visibility, found.treatment)
        assert row["batch"] == TAG
        # A value that nothing stands for has no text; a correction may name the versions beside what it corrects.
        changed = set(row["field"].split(";")) - {""}
        assert changed <= set(found.fields) | {"source_event_code", "event_code", "event_at", "event_id", "updated_at"}
        if changed and "***" not in (row["dirty_value"] or ""):
            assert row["clean_value"] != row["dirty_value"]


def test_records_differ_in_the_fields_of_their_defect_and_in_no_other(differences, truth):
    compared = 0
    for key, (names, gone, new) in differences.items():
        own = [row for row in truth if (row["source_id"], row["feed"]) == key]
        changes = {(r["key_before"], r["key_after"]): r for r in own if r["field"] and r["defect_id"] not in ADDED}
        by_key = {}
        for row in gone:
            by_key.setdefault(record_key(key[1], names, row), []).append(row)
        for row in new:
            after = record_key(key[1], names, row)
            found = next((r for pair, r in changes.items() if pair[1] == after), None)
            if found is None or found["key_before"] not in by_key:
                continue
            (before,) = by_key[found["key_before"]]
            differing = {n for n, old, now in zip(names, before, row, strict=True) if old != now}
            assert differing, found
            assert differing <= set(found["field"].split(";")), found
            compared += 1
    assert compared > 500


def record_key(feed, names, row):
    values = dict(zip(names, row, strict=True))
    return "|".join(values[name] or "" for name in contracts()[feed].key)


def test_every_difference_is_in_the_truth_once(differences, truth):
    for key, (_, gone, new) in differences.items():
        own = [row for row in truth if (row["source_id"], row["feed"]) == key and row["defect_id"] not in UNMOVED]
        is_added = [row["defect_id"] in ADDED and row["role"] == "main" for row in own]
        is_lost = [row["key_after"] == "" and row["defect_id"] != "key_missing" for row in own]
        is_moved = [row["defect_id"] in ("late_arrival", "early_document") for row in own]
        same = [row["field"] == "buyer_id_no" and row["defect_id"] == "shared_identity" for row in own]
        counts = Counter(zip(is_added, is_lost, is_moved, same, strict=True))
        changed = counts[False, False, False, False]
        # A ring's first person keeps the own number, so that some of these rows are as they were.
        shared = counts[False, False, False, True]
        lost, moved, added = counts[False, True, False, False], counts[False, False, True, False], sum(is_added)
        assert changed + lost + moved <= len(gone) <= changed + lost + moved + shared, key
        assert changed + added <= len(new) <= changed + added + shared, key


def test_a_record_has_at_most_one_defect(truth):
    put_in = [r for r in truth if r["role"] == "main" and defects()[r["defect_id"]].level != "natural"]
    seen = Counter((row["source_id"], row["feed"], row["key_before"]) for row in put_in)
    assert max(seen.values()) == 1


def test_without_defects_the_batch_is_the_very_same(clean):
    for config in (DefectConfig(SEED, multiplier=0), DefectConfig(SEED, only=frozenset())):
        result = inject(clean, config=config, tag=TAG)
        assert all(result.tables[key] is clean[key] for key in clean)
        assert (result.overrides.is_empty, result.deliveries, result.truth.num_rows) == (True, (), 0)
        assert result.truth.schema == TRUTH_SCHEMA


@pytest.mark.parametrize(
    "defect_id", ["currency_alias", "waybill_reused", "minor_units", "late_arrival", "split_shipment"]
)
def test_a_defect_alone_is_where_it_is_among_all(clean, dirty, defect_id):
    config = DefectConfig(SEED, multiplier=25, only=frozenset({defect_id}))
    alone = inject(clean, config=config, tag=TAG)
    assert alone.truth.num_rows > 0
    assert alone.truth.equals(dirty.truth.filter(pc.equal(dirty.truth.column("defect_id"), defect_id)))


def test_equal_seeds_give_equal_batches_and_other_tags_give_others(clean, dirty):
    again = inject(clean, config=DefectConfig(SEED, multiplier=25), tag=TAG)
    other = inject(clean, config=DefectConfig(SEED, multiplier=25), tag="GB-2024-04")
    assert again.truth.equals(dirty.truth)
    assert all(again.tables[key].equals(dirty.tables[key]) for key in clean)
    assert not other.truth.drop_columns("batch").equals(dirty.truth.drop_columns("batch"))


def test_personal_values_stay_out_of_the_truth(truth):
    for row in truth:
        personal = {field.name for field in contracts()[row["feed"]].fields if field.is_personal}
        if row["field"] in personal:
            assert (row["clean_value"], row["dirty_value"]) == ("***", "***"), row["defect_id"]


def test_overrides_stand_where_their_record_is_after_rows_were_lost(dirty, truth):
    wanted = {r["key_after"]: r["dirty_value"] for r in truth if r["defect_id"] == "currency_alias"}
    names, rows = shown(dirty.tables, ("paygate", "payments"), dirty.overrides)
    found = {row[names.index("payment_no")]: row[names.index("currency_code")] for row in rows}
    assert wanted
    assert {key: found[key] for key in wanted} == wanted


def test_a_lost_payment_is_scored_by_its_order(clean, truth):
    payments = clean["paygate", "payments"]
    order_of = dict(zip(payments["payment_no"].to_pylist(), payments["order_no"].to_pylist(), strict=True))
    lost = [row for row in truth if row["defect_id"] == "missing_payment"]
    assert {(r["scored_feed"], r["scored_key"]) for r in lost} == {("orders", order_of[r["key_before"]]) for r in lost}


def test_only_the_newest_version_of_a_record_gets_a_defect():
    shipments = clean_batch()["carrier", "shipments"].select(
        ["carrier_code", "waybill_no", "shipped_month", "route_code"]
    )
    count = len(shipments)
    versions = [shipments.append_column("version", pa.array([n] * count, pa.int64())) for n in (1, 2)]
    tables = {("carrier", "shipments"): pa.concat_tables(versions)}
    result = inject(tables, config=DefectConfig(3, multiplier=25, only=frozenset({"null_token"})), tag=TAG)
    rows = result.overrides.of("carrier", "shipments")["route_code"].rows
    assert len(rows) == result.truth.num_rows > 2
    assert rows.min() >= count


def test_a_postal_number_with_a_wrong_digit_differs_in_that_digit():
    assert with_wrong_postal_digit("RA473124829CN") == "RA473124820CN"


def test_every_defect_in_tables_has_an_injector_and_every_injector_a_defect():
    assert set(INJECTORS) == set(IN_TABLES)


def test_an_unknown_defect_is_refused_by_name():
    with pytest.raises(ValueError, match="there is no defect 'typo'"):
        DefectConfig(1, only=frozenset({"typo"}))
