"""Limits, advances, pledges and the officer's hand: every term, contradictory currencies, second pairs of eyes."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from orchestration.credit.decisions import SIGNED_COLUMNS, Hand, decision_log, hands
from orchestration.credit.limits import limits
from orchestration.credit.outstanding import outstanding_advances, outstanding_by_seller
from orchestration.credit.pledges import pledge_book
from orchestration.credit.policy import PolicyError, read_policy
from orchestration.credit.versions import is_training_due, standing

AS_OF = date(2026, 9, 1)
RATES = {"USD": 1.0, "CNY": 0.16, "EUR": 1.1}
SELLER = {
    "seller_id": "S1",
    "grade": "B",
    "verified_receipts_usd": 1000.0,
    "unpaid_rebate_usd": 100.0,
    "has_claimed": True,
    "outstanding_usd": 50.0,
    "overdue_usd": 0.0,
    "days_past_due": 0,
    "unknown_advance_count": 0,
}


def limit_of(hand: Hand | None = None, **changes: object) -> pd.Series:
    rows = pd.DataFrame([{**SELLER, **changes}])
    return limits(rows, read_policy(AS_OF), {"S1": hand} if hand else {}).iloc[0]


@pytest.mark.parametrize(
    ("changes", "by", "limit"),
    [
        # 0.45 · 1,000 = 450 and 8 · 100 = 800 and the cap 300,000; 450 · 0.85 − 50.
        ({}, "receipts", 332.50),
        ({"unpaid_rebate_usd": 10.0}, "rebates", 18.0),
        # Nothing claimed for a year: the term does not bind. Claimed and all paid: it does.
        ({"unpaid_rebate_usd": 0.0, "has_claimed": False}, "receipts", 332.50),
        ({"unpaid_rebate_usd": 0.0}, "rebates", 0.0),
        ({"verified_receipts_usd": 1e7, "unpaid_rebate_usd": 1e6}, "cap", 254_950.0),
        ({"outstanding_usd": 400.0}, "receipts", 0.0),
        ({"grade": "F"}, "cap", 0.0),
    ],
)
def test_the_smallest_term_times_the_factor_less_what_is_owed(
    changes: dict[str, object], by: str, limit: float
) -> None:
    row = limit_of(**changes)
    assert (row["limited_by"], row["limit_usd"], row["model_limit_usd"]) == (by, limit, limit)
    assert "leaves" in row["reason"]


def test_without_a_score_with_old_debts_or_a_debt_in_no_known_currency_nothing_is_lent() -> None:
    for changes, words in (
        ({"grade": None}, "no score"),
        ({"days_past_due": 31}, "an instalment is 31 days past due"),
        ({"unknown_advance_count": 1}, "1 advance(s) are owed in a currency without a rate"),
    ):
        row = limit_of(**changes)
        assert (row["limit_usd"], row["stop_reason"]) == (0.0, words)


def test_an_override_and_a_freeze_leave_the_models_figure_beside_them() -> None:
    override = Hand(override_id="L1", override_usd=1000.0, override_reason="a visit (Ann, 2026-08-30)")
    row = limit_of(override)
    assert (row["limit_basis"], row["limit_usd"], row["model_limit_usd"]) == ("override", 950.0, 332.50)
    frozen = Hand(freeze_id="L2", freeze_reason="police (Ann, 2026-08-31)", override_id="L1", override_usd=1000.0)
    row = limit_of(frozen)
    assert (row["limit_basis"], row["limit_usd"], row["model_limit_usd"]) == ("frozen", 0.0, 332.50)
    assert row["reason"].startswith("Frozen by L2: police (Ann, 2026-08-31).")


def test_a_policy_names_file_row_and_rule(tmp_path: Path) -> None:
    good = Path("orchestration/credit/policy/credit_policy.csv").read_text()
    path = tmp_path / "policy.csv"
    for old, new, words in (
        ("A,2010-01-01,,1.00", "A,2010-01-01,,1.50", r"policy.csv row 1: factor is 1.5, and must be from 0 to 1"),
        ("B,2010-01-01", "A,2010-01-01", "grade A has two rows that hold on 2026-09-01"),
        ("where_claimed", "perhaps", "row 1: rebate_rule is 'perhaps'"),
        ("A,2010-01-01,,1.00,500000", "A,2010-01-01,,1.00,", "row 1: cap_usd missing"),
    ):
        path.write_text(good.replace(old, new, 1))
        with pytest.raises(PolicyError, match=words):
            read_policy(AS_OF, path)


def advance(number: str, seller: str, paid_out: str, **changes: object) -> dict[str, object]:
    return {
        "advance_no": number,
        "seller_id": seller,
        "paid_out_at": pd.Timestamp(paid_out),
        "principal_amount": 1000.0,
        "currency_code": "CNY",
        "annual_rate_pct": 12.0,
        "due_on": date(2026, 9, 1),
        "instalment_count": 4,
        "pledged_declaration_no": None,
        "pledged_line_no": None,
        **changes,
    }


def instalment(number: str, due: str, paid: str | None, **changes: object) -> dict[str, object]:
    return {
        "advance_no": number,
        "due_on": date.fromisoformat(due),
        "due_amount": 260.0,
        "paid_at": pd.Timestamp(paid) if paid else None,
        "paid_amount": 260.0 if paid else None,
        "currency_code": "CNY",
        **changes,
    }


def test_what_is_owed_knows_no_later_payment_and_counts_nothing_it_cannot_convert() -> None:
    advances = pd.DataFrame(
        [
            advance("A1", "S1", "2026-05-01"),
            advance("A2", "S2", "2026-05-01"),
            advance("A3", "S3", "2026-05-01"),
            advance("A4", "S4", "2026-05-01", currency_code="XXX"),
            advance("A5", "S1", "2026-09-01"),
        ]
    )
    paid = pd.DataFrame(
        [
            instalment("A1", "2026-06-01", "2026-06-01"),
            instalment("A1", "2026-07-01", None),
            # Paid on the day itself: not known yet.
            instalment("A1", "2026-08-01", "2026-09-01"),
            # 26 EUR are 178.75 CNY; what is paid in a currency without a rate pays nothing.
            instalment("A2", "2026-06-01", "2026-06-01", currency_code="EUR", paid_amount=26.0, due_amount=37.8181818),
            instalment("A3", "2026-06-01", "2026-06-01", currency_code="ZZZ"),
        ]
    )
    rows = outstanding_advances(advances, paid, RATES, pd.Timestamp(AS_OF)).set_index("advance_no")
    assert list(rows.index) == ["A1", "A2", "A3", "A4"]
    assert rows["outstanding_amount"].tolist() == [750.0, 828.12, 1000.0, 1000.0]
    assert rows.loc["A1", ["overdue_usd", "days_past_due"]].tolist() == [83.2, 62]
    assert rows.loc["A2", "problem"] == "instalments in EUR, the advance in CNY"
    assert rows.loc["A3", "problem"] == "instalments in ZZZ, the advance in CNY"
    assert "no rate for XXX" in rows.loc["A4", "problem"]
    sums = outstanding_by_seller(rows.reset_index()).set_index("seller_id")
    assert sums.loc["S1", "outstanding_usd"] == 120.0
    assert sums.loc["S4", "unknown_advance_count"] == 1


def test_an_item_is_pledged_once_however_its_number_is_written() -> None:
    rows = [
        advance("A2", "S2", "2026-05-02", pledged_declaration_no="d 1", pledged_line_no="01"),
        advance("A1", "S1", "2026-05-01", pledged_declaration_no="D1", pledged_line_no="1"),
        advance("A3", "S3", "2026-05-03", pledged_declaration_no="D1", pledged_line_no="2"),
        advance("A0", "S4", "2026-05-02", pledged_declaration_no="D1", pledged_line_no="1"),
    ]
    advances = outstanding_advances(
        pd.DataFrame(rows), pd.DataFrame([instalment("none", "2026-06-01", None)]), RATES, pd.Timestamp(AS_OF)
    )
    book = pledge_book(advances, pd.DataFrame({"declaration_no": ["D1"], "seller_id": ["S1"]}))
    assert book.ledger[["line_no", "advance_no", "declaration_status"]].to_numpy().tolist() == [
        ["1", "A1", "own"],
        ["2", "A3", "other_seller"],
    ]
    assert book.refusals["advance_no"].tolist() == ["A0", "A2"]
    assert book.refusals["first_seller_id"].tolist() == ["S1", "S1"]
    assert "has secured advance A1 of seller S1 since 2026-05-01" in book.refusals["reason"].iloc[0]


def word(number: str, decision: str, at: str, **changes: object) -> dict[str, object]:
    row = dict.fromkeys(SIGNED_COLUMNS)
    content = f"{number}{decision}{at}{sorted(changes.items())}"
    return {
        **row,
        "decision_key": f"{number}{decision}{at}",
        "decision_id": number,
        "decision": decision,
        "seller_id": "S1",
        "reason": "why",
        "decided_by": "Ann",
        "decided_at": pd.Timestamp(at),
        "content_hash": content,
        "source_file": "f.csv",
        "source_row": 1,
        **changes,
    }


def logged(kept: pd.DataFrame, *words: dict[str, object], on: str = "2026-09-01") -> pd.DataFrame:
    return decision_log(
        kept,
        pd.DataFrame(words, columns=list(SIGNED_COLUMNS)),
        recorded_on=pd.Timestamp(on),
        threshold_usd=50_000,
        usd_rates=RATES,
        model_limits_usd={"S1": 80_000.0},
    )


def test_a_large_override_waits_for_another_person_and_both_words_stand() -> None:
    large = {"limit_amount": 400_000.0, "currency_code": "CNY"}
    log = logged(pd.DataFrame(columns=[]), word("L1", "override", "2026-08-01", **large, second_by=" ann "))
    assert log[["state", "needs_second"]].to_numpy().tolist() == [["pending", True]]
    assert "Ann cannot be the second person too" in log["state_reason"].iloc[0]
    assert hands(log)["S1"].pending == ("L1",)
    log = logged(log, word("L1", "override", "2026-08-02", **large, second_by="Bo"), on="2026-09-02")
    assert log[["word_no", "state"]].to_numpy().tolist() == [[1, "replaced"], [2, "in_force"]]
    assert hands(log)["S1"].override_usd == 64_000.0
    assert [str(day)[:10] for day in log["recorded_on"]] == ["2026-09-01", "2026-09-02"]


def test_nothing_rewrites_a_word_that_was_recorded() -> None:
    first = logged(pd.DataFrame(columns=[]), word("L1", "freeze", "2026-08-01", reason="police"))
    # The same signature with another content, and the first word gone from its source.
    log = logged(first, word("L1", "freeze", "2026-08-01", reason="a mistake"), on="2026-09-02")
    assert log[["reason", "state"]].to_numpy().tolist() == [["police", "in_force"], ["a mistake", "refused"]]
    assert hands(log)["S1"].freeze_reason == "police (Ann, 2026-08-01)"


def test_a_release_ends_both_and_needs_a_second_person_where_it_brings_back_much() -> None:
    small = {"limit_amount": 10.0, "currency_code": "USD"}
    words = [
        word("L1", "freeze", "2026-08-01"),
        word("L2", "override", "2026-08-02", **small),
        word("L3", "override", "2026-08-03", **small, valid_until=date(2026, 8, 20)),
        word("L4", "release", "2026-08-04"),
    ]
    log = logged(pd.DataFrame(columns=[]), *words).set_index("decision_id")
    assert log["state"].to_dict() == {"L1": "in_force", "L2": "replaced", "L3": "expired", "L4": "pending"}
    log = logged(pd.DataFrame(columns=[]), *words, word("L4", "release", "2026-08-05", second_by="Bo"))
    assert log["state"].tolist() == ["released", "replaced", "expired", "replaced", "done"]
    assert hands(log) == {}


def test_only_a_person_approves_and_an_approved_version_may_come_back() -> None:
    models = pd.DataFrame(
        {
            "version": ["v1", "v2", "v3"],
            "trained_on": [date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)],
            "does_qualify": [True, True, False],
        }
    )
    assert standing(models, logged(pd.DataFrame(columns=[]))).models["is_in_use"].tolist() == [False, False, True]
    words = [
        word("M1", "approve_model", "2026-04-02", seller_id=None, model_version="v1"),
        word("M2", "approve_model", "2026-04-03", seller_id=None, model_version="v2"),
        word("M3", "approve_model", "2026-07-02", seller_id=None, model_version="v3"),
        word("M4", "rollback_model", "2026-07-03", seller_id=None, model_version="v1"),
        word("M5", "rollback_model", "2026-07-04", seller_id=None, model_version="v9"),
    ]
    found = standing(models, logged(pd.DataFrame(columns=[]), *words))
    assert found.models["status"].tolist() == ["approved", "retired", "candidate"]
    assert found.models["is_in_use"].tolist() == [True, False, False]
    assert found.models["decided_by"].tolist()[0] == "Ann"
    assert found.refused == {2: "version v3 does not qualify", 4: "there is no version v9"}
    assert not is_training_due(found.models, date(2026, 9, 1))
    assert is_training_due(found.models, date(2026, 10, 30))
