"""A lake of three sellers for tests of the credit job: published rows as the market job would leave them.

Belongs here: rows and their publication. Does not: what the credit job makes of them.
S1 sells in GB and has pledged an item, S2 in FR, S3 in both; S2 pledges the item of S1 again, with a leading zero.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

import duckdb
import numpy as np
import pandas as pd

from orchestration.credit.scorecard.characteristic import Characteristic
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.credit.scorecard.settings import ScorecardSettings
from orchestration.credit.tables import CREDIT_MODEL
from orchestration.lake import WHOLE_TABLE, HeldBack, Lake, Place, PublishRequest
from orchestration.sql import all_models

SOURCE = "hub"
LAST_DAY = date(2026, 8, 31)
WHERE = {"S1": ("GB",), "S2": ("FR",), "S3": ("GB", "FR")}
VERSION = "20260901-aaaaaaaa"
MODELS = {model.name: model for model in all_models()}
Rows = list[dict[str, object]]


def moment(day: date, hour: int = 0) -> datetime:
    """A moment of a day as tables give it: UTC, without a zone."""
    return datetime.combine(day, time(hour))


def publish(lake: Lake, run_id: str, tables: Mapping[str, Rows], held_back: Iterable[str] = ()) -> None:
    """Publish these rows; columns that a row does not name are null. Markets in `held_back` are kept back."""
    staged = []
    with duckdb.connect() as con:
        for name, rows in tables.items():
            spec = MODELS[name].spec
            frame = pd.DataFrame(rows).reindex(columns=[column.name for column in spec.columns])
            con.register("incoming", frame)
            columns = ", ".join(f'"{column.name}"::{column.type} as "{column.name}"' for column in spec.columns)
            con.execute(f"create table {name} as select {columns} from incoming")
            con.unregister("incoming")
            if spec.partition == "none":
                places = {WHOLE_TABLE}
            else:
                depth = 2 if spec.partition == "market_month" else 1
                places = {Place(str(row["market"]), str(row["month"]) if depth == 2 else "") for row in rows}
            staged.append((lake.stage(con, name, spec, run_id), places))
    held = [
        HeldBack(market, ("ReceiptsAreExplained (staging.stg_bank_receipts): 3 rows",), run_id) for market in held_back
    ]
    lake.publish(PublishRequest(run_id=run_id, raw_seq=0, staged=staged, held_back=held))


def trade(last_day: date = LAST_DAY) -> dict[str, Rows]:
    """Orders, ledger lines, payouts and rebates of sixteen months."""
    orders, lines, payouts, rebates = [], [], [], []
    for seller, markets in WHERE.items():
        for market in markets:
            for number in range(48):
                day = last_day - timedelta(days=10 * number)
                key = f"{seller}-{market}-{number}"
                at = moment(day, 9)
                place = {"market": market, "month": f"{day:%Y-%m}", "source_id": SOURCE, "seller_id": seller}
                orders.append(
                    {
                        **place,
                        "order_key": key,
                        "order_no": key,
                        "ordered_at": at,
                        "ordered_on": day,
                        "total_amount_usd": 100,
                        "currency_code": "USD",
                        "_file": "orders.csv",
                        "_row": number + 1,
                    }
                )
                lines.append(
                    {
                        **place,
                        "order_key": key,
                        "line_key": key,
                        "order_no": key,
                        "seller_key": seller,
                        "quantity": 1,
                        "line_amount": 100,
                        "line_amount_usd": 100,
                        "currency_code": "USD",
                        "ordered_at": at,
                        "paid_at": at,
                        "delivered_at": at + timedelta(days=9),
                        "promised_on": day + timedelta(days=10),
                    }
                )
                payouts.append(
                    {
                        **place,
                        "payout_key": key,
                        "seller_key": seller,
                        "payout_no": key,
                        "currency_code": "USD",
                        "net_amount": 100,
                        "payout_status": "paid",
                        "match_basis": "reference",
                        "received_on": day,
                    }
                )
            rebates.append(
                {
                    "market": market,
                    "month": f"{last_day:%Y-%m}",
                    "claim_row_key": f"{seller}-{market}",
                    "claim_key": "1",
                    "seller_key": seller,
                    "seller_id": seller,
                    "rebate_state": "accepted",
                    "rebate_amount": 700,
                    "currency_code": "CNY",
                    "claimed_at": last_day - timedelta(days=5),
                }
            )
    return {"fct_orders": orders, "fct_trade_ledger": lines, "fct_payouts": payouts, "fct_rebate_claims": rebates}


def parties() -> dict[str, Rows]:
    """Sellers, rates, advances and what was paid on them, and what officers have decided."""
    sellers = [
        {
            "seller_id": seller,
            "seller_key": seller,
            "source_id": SOURCE,
            "valid_from": date(2020, 1, 1),
            "seller_name": "Ltd",
            "joined_on": date(2020, 1, 1),
            "founded_on": date(2015, 1, 1),
            "home_country": "CN",
            "tax_grade": "A",
        }
        for seller in WHERE
    ]
    rates = [
        {"rate_on": LAST_DAY - timedelta(days=day), "currency_code": code, "rate_per_eur": rate}
        for day in range(500)
        for code, rate in (("USD", 1.1), ("CNY", 7.7))
    ]
    pledged = {"principal_amount": 7000, "currency_code": "CNY", "instalment_count": 2, "pledged_declaration_no": "D1"}
    advances = [
        {
            **pledged,
            "advance_no": "A1",
            "seller_id": "S1",
            "seller_key": "S1",
            "paid_out_at": moment(date(2026, 7, 1)),
            "due_on": date(2026, 9, 1),
            "pledged_line_no": "1",
        },
        {
            **pledged,
            "advance_no": "A2",
            "seller_id": "S2",
            "seller_key": "S2",
            "paid_out_at": moment(date(2026, 7, 2)),
            "due_on": date(2026, 9, 1),
            "pledged_line_no": "01",
        },
    ]
    repayments = [
        {
            "advance_no": "A1",
            "seq": 1,
            "seller_id": "S1",
            "seller_key": "S1",
            "due_on": date(2026, 8, 1),
            "due_amount": 3550,
            "paid_at": moment(date(2026, 8, 1)),
            "paid_amount": 3550,
            "currency_code": "CNY",
        }
    ]
    signed = {"decided_by": "Ann", "reason": "a visit", "_file": "officers__credit_decisions_1.csv"}
    decisions = [
        {
            **signed,
            "decision_id": "L1",
            "decision": "freeze",
            "seller_id": "S3",
            "decided_at": moment(date(2026, 8, 30)),
            "credit_decision_key": "k1",
            "_content_hash": "h1",
            "_row": 1,
        },
        {
            **signed,
            "decision_id": "L2",
            "decision": "override",
            "seller_id": "S2",
            "limit_amount": 90_000,
            "currency_code": "USD",
            "decided_at": moment(date(2026, 8, 30)),
            "credit_decision_key": "k2",
            "_content_hash": "h2",
            "_row": 2,
        },
    ]
    return {
        "stg_sellers": sellers,
        "stg_fx_rates": rates,
        "stg_advances": advances,
        "stg_repayments": repayments,
        "stg_credit_decisions": decisions,
    }


def scorecard() -> dict[str, Rows]:
    """A version of the scorecard that asks for orders and years, trained elsewhere."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"orders_12m": rng.poisson(40, 4000), "firm_years": rng.uniform(0, 20, 4000)})
    frame["evidence_orders"] = frame["orders_12m"]
    chance = 1 / (1 + np.exp(0.5 + 0.05 * frame["orders_12m"] + 0.15 * frame["firm_years"]))
    asked = [Characteristic("orders_12m", 1, label_zh="订单数"), Characteristic("firm_years", 1, label_zh="企业年限")]
    card = fit_scorecard(
        frame, rng.random(4000) < chance, asked, settings=ScorecardSettings(evidence_column="evidence_orders")
    )
    row = {
        "version": VERSION,
        "trained_on": date(2026, 9, 1),
        "target_definition": "hard",
        "row_count": 4000,
        "does_qualify": True,
        "qualification": "every measure holds",
        "is_in_use": True,
        "card_json": card.to_json(),
    }
    return {CREDIT_MODEL.name: [row]}
