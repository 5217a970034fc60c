"""The scorecard: an ideal cleaning scores one, and each kind of miss and false alarm costs what it should."""

import pyarrow as pa
import pytest

from orchestration.simulation.defects.bench import TruthRow
from orchestration.simulation.defects.catalogue import defect, defects, describe
from orchestration.simulation.defects.inject import truth_table
from orchestration.simulation.defects.scoring import FILES_SCHEMA, JUDGED_SCHEMA, VALUES_SCHEMA, Outcomes, score
from orchestration.simulation.defects.suspicion import SUSPICION_SCHEMA, recalls


def truth_row(defect_id, key, *, role="main", clean=None, dirty=None, scored=None, source="s", feed=None):
    found = defect(defect_id)
    field = ";".join(found.fields)
    scored_feed, scored_key = scored or (feed or found.feed, key)
    place = (source, feed or found.feed)
    return TruthRow(found, role, place, key, key, field, clean, dirty, scored_feed, scored_key)


def judged(*rows):
    """Rows of (feed, key, state, rules, repairs, tags), all of one source and file."""
    records = [
        {"feed": r[0], "source_id": "s", "key": r[1], "file": "f.csv", "version": 1, "state": r[2], "rules": r[3]}
        | {"repairs": r[4], "tags": r[5]}
        for r in (row + ("",) * (6 - len(row)) for row in rows)
    ]
    return pa.Table.from_pylist(records, JUDGED_SCHEMA)


CLEAN = [("payments", f"c{n}", "accepted") for n in range(100)]
TRUTH = [
    truth_row("exact_duplicate", "p1"),
    truth_row("date_impossible", "p2"),
    truth_row("full_width", "p3", clean="OS-1", dirty="ＯＳ－１"),
    truth_row("refund_leg", "p4"),
    truth_row("key_missing", ""),
    truth_row("key_missing", ""),
    truth_row("test_order", "o1"),
    truth_row("truncated_file", "x_cut.csv", feed=""),
    truth_row("missing_payment", "p9", scored=("orders", "o9")),
]
IDEAL = [
    ("payments", "p1", "accepted"),
    ("payments", "p1", "superseded"),
    ("payments", "p2", "quarantined", "payments.paid_at_unreadable"),
    ("payments", "p3", "repaired", "", "order_no:text.full_width"),
    ("payments", "p4", "accepted"),
    ("payments", "", "quarantined", "payments.payment_no_missing"),
    ("payments", "", "quarantined", "payments.payment_no_missing"),
    ("orders", "o1", "accepted", "", "", "orders.is_test_order"),
    ("orders", "o9", "accepted", "", "", "payments.suspected_missing"),
]
FILES = pa.Table.from_pylist([{"file": "x_cut.csv", "status": "rejected", "rule": "file.truncated"}], FILES_SCHEMA)


def scored(*, without=None, extra=(), values=(), files=FILES, truth=TRUTH):
    rows = [row for n, row in enumerate(IDEAL) if n != without]
    given = pa.Table.from_pylist(list(values), VALUES_SCHEMA)
    outcomes = Outcomes(judged(*CLEAN, *rows, *extra), values=given, files=files)
    return score(truth_table(truth, "b"), outcomes)


def of(card, defect_id):
    return next(row for row in card.by_defect.to_pylist() if row["defect_id"] == defect_id)


def test_an_ideal_cleaning_finds_all_and_alarms_nobody():
    card = scored()
    certain = [row for row in card.by_defect.to_pylist() if row["injected"] and row["visibility"] == "certain"]
    assert {row["defect_id"]: (row["injected"], row["caught"], row["treated_right"]) for row in certain} == {
        "exact_duplicate": (1, 1, 1),
        "date_impossible": (1, 1, 1),
        "full_width": (1, 1, 1),
        "refund_leg": (1, 1, 1),
        "key_missing": (2, 2, 2),
        "test_order": (1, 1, 1),
        "truncated_file": (1, 1, 1),
    }
    assert card.missed.num_rows == 0
    metrics = card.metrics
    assert (metrics["certain_recall"], metrics["worst_certain_recall"], metrics["false_alarms_per_10k"]) == (1, 1, 0)
    payments = next(row for row in card.by_feed.to_pylist() if row["feed"] == "payments")
    assert (payments["records"], payments["dirty"], payments["precision"]) == (107, 7, 1.0)


@pytest.mark.parametrize(
    ("without", "defect_id", "recall", "reason"),
    [
        (2, "date_impossible", 0.0, "no record of this key was judged"),
        (5, "key_missing", 0.5, "judged quarantined by payments.payment_no_missing"),
        (1, "exact_duplicate", 0.0, "judged accepted without any rule"),
    ],
)
def test_a_defect_that_is_not_seen_is_missed_with_a_reason(without, defect_id, recall, reason):
    card = scored(without=without)
    assert of(card, defect_id)["recall"] == recall
    assert [(row["defect_id"], row["reason"]) for row in card.missed.to_pylist()] == [(defect_id, reason)]


def test_a_repair_to_another_value_is_caught_and_not_treated_right():
    wrong = {"feed": "payments", "source_id": "s", "key": "p3", "field": "order_no", "value": "OS-2"}
    card = scored(values=[wrong])
    assert (of(card, "full_width")["caught"], of(card, "full_width")["treated_right"]) == (1, 0)
    assert card.missed.to_pylist()[0]["reason"] == "repaired to another value than the clean one"
    assert of(scored(values=[wrong | {"value": "OS-1"}]), "full_width")["treated_right"] == 1


def test_a_tag_that_quarantines_is_not_the_treatment():
    row = ("orders", "o1", "quarantined", "orders.is_test_order")
    card = scored(without=7, extra=[row])
    assert (of(card, "test_order")["caught"], of(card, "test_order")["treated_right"]) == (1, 0)


def test_a_waybill_that_waits_for_its_order_is_treated_right():
    card = scored(truth=[truth_row("orphan", "w1")], extra=[("shipments", "w1", "waiting")])
    assert (of(card, "orphan")["caught"], of(card, "orphan")["treated_right"]) == (1, 1)


def test_a_clean_record_with_a_defects_rule_is_a_false_alarm_of_that_defect():
    card = scored(extra=[("payments", "c100", "quarantined", "payments.paid_at_unreadable")])
    assert of(card, "date_impossible")["false_alarms"] == 1
    assert of(card, "date_impossible")["false_alarms_per_10k"] == pytest.approx(10_000 / 101)
    assert of(card, "full_width")["false_alarms"] == 0
    assert card.metrics["false_alarms_per_10k"] == pytest.approx(10_000 / 101)


def test_what_follows_from_another_record_is_no_false_alarm():
    collateral = ("order_lines", "o1|1", "quarantined", "order_lines.header_quarantined")
    assert scored(extra=[collateral]).metrics["false_alarms_per_10k"] == 0


def test_an_older_version_that_gives_way_is_no_false_alarm_but_an_equal_one_is():
    newer = judged(("payments", "v", "superseded"), ("payments", "w", "superseded"), ("payments", "w", "accepted"))
    versions = [1, 1, 1]
    rows = newer.set_column(4, "version", pa.array(versions, pa.int64()))
    survivor = judged(("payments", "v", "accepted")).set_column(4, "version", pa.array([2], pa.int64()))
    outcomes = Outcomes(pa.concat_tables([rows, survivor]))
    card = score(truth_table([], "b"), outcomes)
    assert of(card, "exact_duplicate")["false_alarms"] == 1


def test_a_file_that_is_taken_in_spite_of_its_damage_is_missed():
    taken = pa.Table.from_pylist([{"file": "x_cut.csv", "status": "loaded", "rule": ""}], FILES_SCHEMA)
    assert of(scored(files=taken), "truncated_file")["caught"] == 0


def suspicion(positives, negatives, naive=0.0):
    rows = [("o9" if n == 0 else f"q{n}", value, naive) for n, value in enumerate(positives)]
    rows += [(f"n{n}", value, 0.5) for n, value in enumerate(negatives)]
    return pa.Table.from_pylist(
        [
            {"defect_id": "missing_payment", "feed": "orders", "source_id": "x", "key": k, "score": v, "naive_score": w}
            for k, v, w in rows
        ],
        SUSPICION_SCHEMA,
    )


def test_recall_at_one_in_a_thousand_allows_one_clean_record_above_the_limit():
    truth = truth_table([truth_row("missing_payment", "p9", scored=("orders", "o9"))], "b")
    negatives = [0.9, 0.8] + [0.1] * 998
    above, equal = (recalls(truth, suspicion([value], negatives)).to_pylist()[0] for value in (0.85, 0.8))
    assert (above["positives"], above["negatives"], above["recall"], above["naive_recall"]) == (1, 1000, 1.0, 0.0)
    assert equal["recall"] == 0.0
    # Too few clean records for one alarm in a thousand: none is allowed.
    assert recalls(truth, suspicion([0.85], negatives[:100])).to_pylist()[0]["recall"] == 0.0


def test_a_statistical_defect_without_scores_has_recall_zero():
    truth = truth_table([truth_row("missing_payment", "p9", scored=("orders", "o9"))], "b")
    assert recalls(truth, SUSPICION_SCHEMA.empty_table()).to_pylist()[0]["recall"] == 0.0
    card = score(truth, Outcomes(judged(*CLEAN), suspicion=suspicion([0.9], [0.1] * 10)))
    assert card.metrics["statistical_recall_at_1_in_1000"] == 1.0
    assert card.metrics["statistical_naive_recall"] == 0.0


def test_the_catalogue_covers_forty_numbers_and_refuses_unknown_ids():
    assert {found.number for found in defects().values()} == set(range(1, 41))
    statistical = {found.number for found in defects().values() if found.visibility == "statistical"}
    assert statistical == {4, 10, 17, 29, 36, 37, 39}
    assert [found.id for found in defects().values() if found.visibility == "invisible"] == ["date_swapped"]
    with pytest.raises(ValueError, match="there is no defect 'typo'"):
        defect("typo")


def test_a_defect_is_described_in_a_line_with_what_should_happen_to_it():
    found = defect("refund_sign")
    assert describe(found) == (
        "22 refund_sign (payments.amount, certain): A refund is signed as if it were a payment. "
        f"To be quarantined by payments.amount_against_type; {found.rate:.2%} of eligible records."
    )
