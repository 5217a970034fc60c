"""What credit reads of the published tables besides the features of a score.

Belongs here: SQL over views of the published tables. Does not: figures that are made from it.
Everything is as of the first moment of a day: what came to pass on it or later is not known.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, cast

import pandas as pd

if TYPE_CHECKING:
    import duckdb

RECEIPT_DAYS = 180
CLAIM_DAYS = 365
# A rate is used for a week, as everywhere (model.md: time, money, quantity).
RATE_DAYS = 7

_AS_OF = "select greatest((select max(ordered_on) from fct_orders), (select max(received_on) from fct_payouts)) + 1"
_RATES = f"""
    with newest as (
        select currency_code, max_by(rate_per_eur, rate_on)::double as rate_per_eur
        from stg_fx_rates where rate_on < $as_of and rate_on >= $as_of - {RATE_DAYS} group by all
    )
    select currency_code, (select rate_per_eur from newest where currency_code = 'USD') / rate_per_eur as usd
    from newest where rate_per_eur > 0
    union
    select 'EUR', (select rate_per_eur from newest where currency_code = 'USD')
    union
    select 'USD', 1.0
"""
# Verified: the bank's credit names the payout or meets it to the cent, and nothing stays unexplained.
_RECEIPTS = f"""
    with paid as (
        select seller_id, market, received_on, net_amount::double as amount, currency_code,
            payout_status = 'paid' and match_basis in ('reference', 'amount') as is_verified
        from fct_payouts
        where seller_id is not null and received_on >= $as_of - {RECEIPT_DAYS} and received_on < $as_of
    ),
    rates as (
        select rate.rate_on, rate.currency_code, (dollar.rate_per_eur / nullif(rate.rate_per_eur, 0))::double as usd
        from stg_fx_rates as rate
        inner join stg_fx_rates as dollar on rate.rate_on = dollar.rate_on and dollar.currency_code = 'USD'
        where rate.rate_on >= $as_of - {RECEIPT_DAYS + RATE_DAYS}
        union all
        select rate_on, 'EUR', rate_per_eur::double
        from stg_fx_rates where currency_code = 'USD' and rate_on >= $as_of - {RECEIPT_DAYS + RATE_DAYS}
    ),
    priced as (
        select paid.*, case when paid.currency_code = 'USD' then amount
            when rates.rate_on >= paid.received_on - {RATE_DAYS} then amount * rates.usd end as amount_usd
        from paid
        asof left join rates on paid.currency_code = rates.currency_code and paid.received_on >= rates.rate_on
    )
    select seller_id, market,
        coalesce(sum(amount_usd) filter (where is_verified), 0) as verified_receipts_usd,
        coalesce(sum(amount_usd) filter (where not is_verified), 0) as unverified_receipts_usd,
        count(*) filter (where is_verified) as receipt_count,
        count(*) filter (where amount_usd is null) as receipts_without_rate
    from priced group by all
"""
_REBATES = f"""
    select seller_id, market, currency_code,
        coalesce(sum(rebate_amount) filter (where rebate_state in ('eligible', 'claimed', 'accepted')), 0)::double
            as unpaid_amount,
        count(*) filter (where rebate_state in ('eligible', 'claimed', 'accepted')) as unpaid_claim_count,
        count(*) filter (where claimed_at >= $as_of - {CLAIM_DAYS}) as claims_of_a_year
    from fct_rebate_claims
    where claimed_at < $as_of and seller_id is not null
    group by all
"""
# A second pledge is refused by staging, and the money is owed all the same.
_ADVANCES = """
    with staged as (
        select advance_no, seller_id, paid_out_at, principal_amount::double as principal_amount, currency_code,
            annual_rate_pct::double as annual_rate_pct, due_on, instalment_count::integer as instalment_count,
            pledged_declaration_no, pledged_line_no, false as is_refused_pledge
        from stg_advances
    ),
    refused as (
        select payload ->> 'advance_no' as advance_no, payload ->> 'seller_id' as seller_id,
            try_cast(payload ->> 'paid_out_at' as timestamptz)::timestamp as paid_out_at,
            try_cast(payload ->> 'principal_amount' as double) as principal_amount,
            payload ->> 'currency_code' as currency_code,
            try_cast(payload ->> 'annual_rate_pct' as double) as annual_rate_pct,
            try_cast(payload ->> 'due_on' as date) as due_on,
            try_cast(payload ->> 'instalment_count' as integer) as instalment_count,
            payload ->> 'pledged_declaration_no' as pledged_declaration_no,
            payload ->> 'pledged_line_no' as pledged_line_no, true as is_refused_pledge
        from reference_quarantine
        where feed = 'advances' and rule_ids = 'advances.double_pledge'
        qualify row_number() over (partition by source_id, payload ->> 'advance_no' order by _batch_id desc, _row) = 1
    )
    select * from staged
    union all
    select * from refused where advance_no not in (select advance_no from staged) and principal_amount > 0
    order by paid_out_at, advance_no
"""
_REPAYMENTS = """
    select advance_no, due_on, due_amount::double as due_amount, paid_at, paid_amount::double as paid_amount,
        currency_code
    from stg_repayments order by advance_no, seq
"""
_PLEDGED = """
    select distinct declaration_no, seller_id from stg_declarations
    where upper(replace(declaration_no, ' ', '')) in (select unnest($numbers))
    order by all
"""
_DECISIONS = """
    select credit_decision_key as decision_key, decision_id, decision, seller_id, model_version,
        limit_amount::double as limit_amount, currency_code, valid_until, reason, decided_by, second_by, decided_at,
        _content_hash as content_hash, _file as source_file, _row as source_row
    from stg_credit_decisions order by decided_at, decision_id
"""
_SALES = """
    select seller_id, market, count(*) as order_count, coalesce(sum(total_amount_usd), 0)::double as sales_usd
    from fct_orders
    where seller_id is not null and ordered_on >= $as_of - 365 and ordered_on < $as_of
    group by all order by all
"""


_MARKETS_OF_SELLERS = f"""
    with asked as (select unnest($days) as as_of_on)
    select asked.as_of_on, seller_id, string_agg(distinct market, ' ' order by market) as markets
    from fct_orders
    inner join asked on ordered_on < asked.as_of_on and ordered_on >= asked.as_of_on - {CLAIM_DAYS}
    where seller_id is not null
    group by all
"""


def as_of_on(con: "duckdb.DuckDBPyConnection") -> date | None:
    """The first day that nothing is known of: after the newest order or receipt; None where nothing is published."""
    (row,) = con.execute(_AS_OF).fetchall()
    return cast("date | None", row[0])


def usd_rates(con: "duckdb.DuckDBPyConnection", as_of: date) -> Mapping[str, float]:
    """Dollars for one unit of each currency, at the last rate before the day, at most a week old."""
    rows = con.execute(_RATES, {"as_of": as_of}).fetchall()
    return {str(code): float(usd) for code, usd in rows if usd is not None}


def receipts(con: "duckdb.DuckDBPyConnection", as_of: date) -> pd.DataFrame:
    """By seller_id and market, of 180 days: verified_receipts_usd, unverified_receipts_usd, counts."""
    return con.execute(_RECEIPTS, {"as_of": as_of}).df()


def rebates(con: "duckdb.DuckDBPyConnection", as_of: date, rates: Mapping[str, float]) -> pd.DataFrame:
    """By seller_id and market: unpaid_rebate_usd, unpaid_claim_count, claims_of_a_year."""
    rows = con.execute(_REBATES, {"as_of": as_of}).df()
    usd = rows["currency_code"].map(rates).astype(float)
    rows["unpaid_rebate_usd"] = (rows["unpaid_amount"] * usd).fillna(0.0)
    columns = ["unpaid_rebate_usd", "unpaid_claim_count", "claims_of_a_year"]
    return rows.groupby(["seller_id", "market"], as_index=False)[columns].sum()


def advances(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """Every advance that was paid out, also those whose pledge is refused (is_refused_pledge)."""
    return con.execute(_ADVANCES).df()


def repayments(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """Every instalment: advance_no, due_on, due_amount, paid_at, paid_amount, currency_code."""
    return con.execute(_REPAYMENTS).df()


def pledged_declarations(con: "duckdb.DuckDBPyConnection", numbers: "pd.Series[str]") -> pd.DataFrame:
    """declaration_no and seller_id of those of these declarations that are known."""
    from orchestration.credit.pledges import canonical

    wanted = sorted(set(canonical(numbers.dropna())))
    return con.execute(_PLEDGED, {"numbers": wanted}).df()


def signed_decisions(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """The decisions that officers have sent, in the columns of the log."""
    return con.execute(_DECISIONS).df()


def sales(con: "duckdb.DuckDBPyConnection", as_of: date) -> pd.DataFrame:
    """By seller_id and market, of a year: order_count, sales_usd."""
    return con.execute(_SALES, {"as_of": as_of}).df()


def markets_of_sellers(con: "duckdb.DuckDBPyConnection", days: Sequence[date]) -> pd.DataFrame:
    """as_of_on, seller_id, markets: where each seller has sold within the year before each day."""
    rows = con.execute(_MARKETS_OF_SELLERS, {"days": list(days)}).df()
    return rows.assign(as_of_on=pd.to_datetime(rows["as_of_on"]).dt.date)
