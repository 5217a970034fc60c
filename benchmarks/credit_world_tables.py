"""The published tables of a trade world, as far as credit reads them, made without files and without the pipeline.

Belongs here: the world's clean documents in the shape of the published tables, and what is true of each seller and
month. Does not: features, targets and models (product code) and what is measured (see `credit_world.py`).

The rows are those that a pipeline without error would publish: what it does to dirty documents is measured elsewhere
(`ledger.py`, `simulation.py`). The defaults of sellers are known for every month, also after their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.simulation.documents.aftercare import Aftercare, draw_aftercare
from orchestration.simulation.documents.banking import bank_receipts
from orchestration.simulation.documents.cases import case_tables
from orchestration.simulation.documents.clearing import Clearance, draw_clearance
from orchestration.simulation.documents.columns import (
    CHINA_OFFSET,
    DAY,
    NEVER,
    Integers,
    banking_days_after,
    constant,
    labels,
    month_number,
    named,
    taken,
    times,
)
from orchestration.simulation.documents.lending import default_probability, lend, new_credit_state
from orchestration.simulation.documents.paying import Payment, draw_payment
from orchestration.simulation.documents.pots import parts_of, settled_at, summed
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.documents.settling import Settling, draw_settling, payout_references
from orchestration.simulation.documents.shipping import Parcels, draw_parcels
from orchestration.simulation.documents.totals import MonthTotals, month_totals
from orchestration.simulation.documents.truth import received_at
from orchestration.simulation.world.batches import MODES, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.columns import dates, integers, table
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.orders import draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.pricing import complete
from orchestration.simulation.world.reference import generate_reference

# What the published tables call by another name than the documents.
_RENAMED = {
    "sellers": "seller_id as seller_key, valid_from, joined_on, founded_on, home_country, tax_grade, customs_grade,"
    " fx_grade, seller_id, updated_at as changed_at",
    "advances": "seller_id as seller_key, seller_id, advance_no, paid_out_at, principal_amount, currency_code,"
    " annual_rate_pct, due_on, instalment_count, updated_at as changed_at",
    "repayments": "seller_id as seller_key, seller_id, advance_no, seq, due_on, due_amount, paid_at, paid_amount,"
    " currency_code, updated_at as changed_at, version",
    "disputes": "seller_id as seller_key, seller_id, case_no, null::bigint as order_key, market_country as market,"
    " opened_at, closed_at, reason_code, case_status, outcome_code, disputed_amount, currency_code,"
    " updated_at as changed_at, version",
    "guarantee_claims": "seller_id as seller_key, seller_id, claim_no, null::bigint as order_key,"
    " market_country as market, claimed_at, claim_status, claimed_amount, paid_amount, recovered_amount, currency_code,"
    " paid_on, updated_at as changed_at, version",
}
# Of a record's versions the published table has the last.
_KEYS = {"repayments": "advance_no, seq", "disputes": "case_no", "guarantee_claims": "claim_no"}


@dataclass(frozen=True)
class CreditWorld:
    """A connection with the published tables of a world, and its truth.

    truth (in the connection): `truth_month` (seller_key, month, probability of a default in the month whether or not
    there was one before, is_default, is_there) and `truth_seller` (seller_key, quality, solvency, size).
    """

    con: duckdb.DuckDBPyConnection
    world: World


def credit_world(config: WorldConfig, con: duckdb.DuckDBPyConnection) -> CreditWorld:
    """Fill a database with the published tables of a world; months and markets one after the other."""
    con.execute("set TimeZone = 'UTC'")
    world = build_world(config)
    reference = generate_reference(world)
    _insert(con, "sellers", reference.tables["hub", "sellers"])
    _insert(con, "truth_seller", reference.truth["seller_latent"])
    _insert(con, "stg_products", _products(world))
    state = new_credit_state(world)
    pots, nets = np.empty(0, np.int64), np.empty(0, np.int64)
    for cohort, month in enumerate(config.month_list):
        totals = []
        for market in range(len(config.markets)):
            for name, rows, sums in _market_month(world, market, cohort):
                if sums is not None:
                    totals.append(sums)
                if rows is not None and rows.num_rows:
                    _insert(con, name, rows)
        pots, nets = summed(
            np.concatenate([pots, *(part.pots for part in totals)]),
            np.concatenate([nets, *(part.nets for part in totals)]),
        )
        is_due = month_number(settled_at(pots)) <= month_number(np.array([_month_end(month)]))[0]
        _insert(con, "fct_payouts", _payouts(world, month, pots[is_due], nets[is_due]))
        pots, nets = pots[~is_due], nets[~is_due]
        sales = np.zeros(config.sellers)
        for part in totals:
            sales[part.sellers] += part.sales_cny_cents
        probability = default_probability(world, sales, state.usual_sales)
        lent, truth = lend(world, month, totals, state)
        for (_, name), rows in lent.items():
            if rows.num_rows:
                _insert(con, name, rows)
        _insert(con, "truth_drawn", truth.select(["seller_id", "month", "is_default"]))
        _insert(con, "truth_latent", _latent(world, month, probability))
    _finish(con)
    return CreditWorld(con, world)


def _market_month(world: World, market: int, cohort: int) -> Iterator[tuple[str, pa.Table | None, MonthTotals | None]]:
    plan = plan_month(world, market, cohort)
    buying = draw_buying(world, plan)
    batch = complete(world, plan, buying, draw_all_lines(world, plan, buying)).batch
    if not len(batch.ordered_at):
        return
    setting = Setting(world, batch)
    payment = draw_payment(setting)
    clearance = draw_clearance(setting, payment)
    parcels = draw_parcels(setting, clearance)
    aftercare = draw_aftercare(setting, payment.paid_at, clearance.stopped_at, parcels)
    settling = draw_settling(setting, payment, parcels, aftercare)
    yield "", None, month_totals(setting, settling, [])
    first = np.int64(cohort * 64 + market) * 10_000_000
    yield "fct_trade_ledger", _ledger(setting, payment, clearance, parcels, aftercare, settling, first), None
    yield "stg_declaration_receipts", _receipts(setting, clearance, first), None
    if not setting.is_port.all():
        for (_, name), rows in case_tables(setting, aftercare, parcels).items():
            if name != "returns":
                yield name, rows, None


def _ledger(
    setting: Setting,
    payment: Payment,
    clearance: Clearance,
    parcels: Parcels,
    aftercare: Aftercare,
    settling: Settling,
    first: np.int64,
) -> pa.Table:
    batch, world, end = setting.batch, setting.world, setting.end
    order = batch.line_order.astype(np.int64)
    cents = setting.line_cents
    day = batch.ordered_day.astype(np.int64)[order]
    rates = world.rates
    column = np.clip(day - rates.first_day, 0, rates.per_eur.shape[1] - 1)
    per_usd = rates.per_eur[rates.currencies.index(batch.currency), column]
    per_usd = per_usd / rates.per_eur[rates.currencies.index("USD"), column]
    document = np.full(setting.count, -1, np.int64)
    document[clearance.grouping.order] = clearance.grouping.order_document
    is_cancelled = batch.is_cancelled[order]
    is_returned = (aftercare.returned_quantity > 0) & (aftercare.returned_at[order] <= end)
    received = received_at(setting, settling)[order]
    # A value day counts from its first moment.
    received = np.where(received < NEVER, (received + CHINA_OFFSET) // DAY * DAY, NEVER)

    def seen(moments: Integers) -> pa.Array:
        return times(np.where(moments <= end, moments, NEVER)).cast(pa.timestamp("us"))

    return table(
        {
            "order_key": integers(first + order),
            "seller_key": named(world.sellers.seller_id, batch.seller[order]),
            "market": constant(batch.market, len(order)),
            "month": constant(batch.month, len(order)),
            "supervision_mode": labels(MODES, batch.supervision_mode[order]),
            "buyer": integers(batch.customer[order]),
            "product_key": integers(batch.product),
            "currency_code": constant(batch.currency, len(order)),
            "quantity": integers(batch.quantity),
            "cancelled_qty": integers(np.where(is_cancelled, batch.quantity, 0)),
            "returned_qty": integers(np.where(is_returned, aftercare.returned_quantity, 0)),
            "line_amount": pa.array(cents / 100.0),
            "line_amount_usd": pa.array(np.round(cents / 100.0 / per_usd, 4)),
            "ordered_at": seen(batch.ordered_at[order]),
            "paid_at": seen(payment.paid_at[order]),
            "declared_at": seen(clearance.declared_at[order]),
            "released_at": seen(clearance.released_at[order]),
            "shipped_at": seen(parcels.shipped_at),
            "delivered_at": seen(parcels.delivered_at),
            "received_at": seen(received),
            "cancelled_at": seen(np.where(is_cancelled, batch.cancelled_at[order], NEVER)),
            "stopped_at": seen(clearance.stopped_at[order]),
            "lost_at": seen(parcels.order_lost_at[order]),
            "returned_to_sender_at": seen(parcels.order_returned_at[order]),
            "returned_at": seen(np.where(is_returned, aftercare.returned_at[order], NEVER)),
            "refunded_at": seen(aftercare.refund_at[order]),
            "promised_on": dates(day + batch.promised_days[order]),
            "declaration_key": integers(first + document[order], document[order] >= 0),
        }
    )


def _receipts(setting: Setting, clearance: Clearance, first: np.int64) -> pa.Table:
    """Rejections, inspections and goods sent back; the other messages say what the ledger's milestones say."""
    process = clearance.process
    codes, keys, moments = [], [], []
    for code, at in (("100", process.rejected_at), ("500", process.inspected_at), ("900", process.returned_at)):
        rows = np.flatnonzero(at <= setting.end)
        codes.append(np.full(len(rows), int(code)))
        keys.append(first + rows)
        moments.append(at[rows])
    return table(
        {
            "declaration_key": integers(np.concatenate(keys)),
            "status_code": pa.array(np.concatenate(codes).astype(str)),
            "received_at": times(np.concatenate(moments)).cast(pa.timestamp("us")),
        }
    )


def _payouts(world: World, month: str, pots: Integers, nets: Integers) -> pa.Table:
    """What falls due in a month, with the bank's credit as far as it has come by the end of the horizon."""
    receipts, _ = bank_receipts(world, month, pots, nets)
    parts, closed = parts_of(pots), settled_at(pots)
    due = banking_days_after(closed // DAY, np.full(len(pots), 5))
    credit = dict(zip(receipts["payout_ref"].to_pylist(), range(receipts.num_rows), strict=True))
    place = np.array([credit.get(name, -1) for name in payout_references(pots).to_pylist()], np.int64)
    value_on = receipts["value_on"].combine_chunks().cast(pa.int32()).to_numpy()
    on = np.where(place >= 0, value_on[np.maximum(place, 0)], 0) if len(value_on) else np.zeros(len(pots), np.int64)
    return table(
        {
            "seller_key": named(world.sellers.seller_id, parts.seller),
            "market": labels(world.markets.code, parts.market),
            "settled_at": times(closed).cast(pa.timestamp("us")),
            "currency_code": labels(world.markets.currency, parts.market),
            "net_amount": pa.array(nets / 100.0),
            "receipt_due_on": dates(due),
            "received_on": dates(on, place >= 0),
        }
    )


def _products(world: World) -> pa.Table:
    products = world.products
    return table(
        {
            "product_key": integers(np.arange(len(products.seller))),
            "valid_from": dates(products.first_day),
            "is_made_to_order": pa.array(products.is_made_to_order),
        }
    )


def _latent(world: World, month: str, probability: np.ndarray) -> pa.Table:
    start = int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64))
    return table(
        {
            "seller_id": taken(world.sellers.seller_id, np.arange(len(probability))),
            "month": constant(month, len(probability)),
            "probability": pa.array(probability),
            "is_there": pa.array(world.sellers.joined_day < start),
        }
    )


def _month_end(month: str) -> int:
    return int((np.datetime64(month, "M") + 1).astype("datetime64[s]").astype(np.int64)) - 1


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    con.register("incoming", rows)
    known = con.execute("select 1 from duckdb_tables() where table_name = ?", [name]).fetchall()
    con.execute(f"insert into {name} by name from incoming" if known else f"create table {name} as from incoming")
    con.unregister("incoming")


def _finish(con: duckdb.DuckDBPyConnection) -> None:
    """Names, last versions and the tables that a clean world fills by itself."""
    for feed, columns in _RENAMED.items():
        key = _KEYS.get(feed)
        last = f"qualify row_number() over (partition by {key} order by version desc) = 1" if key else ""
        con.execute(f"create table stg_{feed} as select {columns} from {feed} {last}")
        con.execute(f"drop table {feed}")
    for name, column in (("advances", "paid_out_at"), ("repayments", "paid_at"), ("disputes", "opened_at"),
                         ("disputes", "closed_at"), ("guarantee_claims", "claimed_at")):  # fmt: skip
        con.execute(f"alter table stg_{name} alter {column} type timestamp")
    for feed in _RENAMED:
        con.execute(f"alter table stg_{feed} alter changed_at type timestamp")
    con.execute("""
        create table truth_month as
        select latent.seller_id as seller_key, month, probability, is_there, coalesce(is_default, false) as is_default,
            drawn.seller_id is not null as is_at_risk
        from truth_latent as latent left join truth_drawn as drawn using (seller_id, month)
    """)
    con.execute("create view fct_orders as select distinct order_key, buyer as customer_key from fct_trade_ledger")
    # Clean documents agree with each other and with what was sold.
    con.execute("""
        create view fct_match_result as
        select distinct order_key, 'match.goods_value' as rule_id, 'matched' as match_status from fct_trade_ledger
    """)
    con.execute("""
        create view fct_declaration_coverage as
        select order_key, declaration_key, max(declared_at) as declared_at, sum(line_amount) as declared_amount,
            any_value(currency_code) as currency_code
        from fct_trade_ledger where declared_at is not null group by all
    """)
    con.execute("""
        create table fct_rebate_claims (seller_key varchar, claimed_at timestamp, paid_on date)
    """)
