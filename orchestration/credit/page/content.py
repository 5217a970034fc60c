"""What a seller's page shows, read from the published tables.

Belongs here: SQL over views of the published tables, the chains of a few orders. Does not: HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from orchestration.credit.rows import day_of
from orchestration.credit.scoring import score_changes

if TYPE_CHECKING:
    import duckdb

    from orchestration.trace.chain import Chain
    from orchestration.trace.shelf import Shelf

SHOWN = 8
CHAINS = 2


class NoSeller(LookupError):
    """Nothing is published of the seller; the message says what is."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Documents of one kind behind the score: what they are, how many there are in all, the columns of those shown."""

    title: str
    words: str
    count: int
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on a seller's page; frames are rows of the published tables."""

    seller_id: str
    as_of: date
    about: pd.Series
    history: pd.DataFrame
    today: pd.Series
    parts: pd.DataFrame
    changes: pd.DataFrame
    month_changes: pd.DataFrame
    month_ago: date | None
    limit: pd.Series
    decisions: pd.DataFrame
    advances: pd.DataFrame
    pledges: pd.DataFrame
    refusals: pd.DataFrame
    offers: pd.DataFrame
    claims: pd.DataFrame
    evidence: Sequence[Evidence]
    chains: "Sequence[tuple[str, Chain | None, str]]"


_DOCUMENTS = {
    "receipts": (
        "Verified receipts of 180 days 收汇",
        "bank credits tied to a payout; alpha times their sum is a term of the limit",
        """
        select payouts.receipt_no as number, payouts.market, payouts.received_on as day,
            payouts.net_amount::double as amount, payouts.currency_code, payouts.match_basis as state,
            bank._file as file, bank._row as file_row
        from fct_payouts as payouts
        left join stg_bank_receipts as bank on payouts.bank_receipt_key = bank.bank_receipt_key
        where payouts.seller_id = $seller and payouts.received_on >= $as_of - 180 and payouts.received_on < $as_of
            and payout_status = 'paid' and match_basis in ('reference', 'amount')
        order by day desc, number
        """,
    ),
    "rebates": (
        "Unpaid rebates 退税",
        "eligible, claimed or accepted; beta times their sum is a term of the limit",
        """
        select facts.claim_key as number, facts.market, facts.claimed_at::date as day,
            facts.rebate_amount::double as amount, facts.currency_code, facts.rebate_state as state, own._file as file,
            own._row as file_row
        from fct_rebate_claims as facts
        left join stg_rebate_claims as own on facts.claim_row_key = own.claim_row_key
        where facts.seller_id = $seller and facts.rebate_state in ('eligible', 'claimed', 'accepted')
        order by amount desc, number
        """,
    ),
    "declarations": (
        "Declarations 报关单",
        "the newest",
        """
        select declaration_no as number, market, declared_on as day, null::double as amount, currency_code,
            coalesce(supervision_mode, document_kind) as state, _file as file, _row as file_row
        from stg_declarations where seller_id = $seller and declared_on < $as_of order by day desc, number
        """,
    ),
    "orders": (
        "Orders 订单",
        "the newest",
        """
        select order_no as number, market, ordered_on as day, payable_amount::double as amount, currency_code,
            order_status as state, _file as file, _row as file_row
        from stg_orders where seller_id = $seller and ordered_on < $as_of order by day desc, number
        """,
    ),
    "disputes": (
        "Disputes 纠纷",
        "of two years",
        """
        select case_no as number, market, opened_on as day, disputed_amount::double as amount, currency_code,
            coalesce(outcome_code, case_status) as state, _file as file, _row as file_row
        from stg_disputes where seller_id = $seller and opened_on >= $as_of - 730 order by day desc, number
        """,
    ),
    # Staging refuses the second pledge of an item; its row is shown all the same, as the money was lent.
    "advances": (
        "Advances 融资",
        "all of them, also those whose pledge was refused",
        """
        select advance_no as number, '' as market, paid_out_at::date as day, principal_amount::double as amount,
            currency_code, 'due ' || due_on as state, _file as file, _row as file_row
        from stg_advances where seller_id = $seller
        union all
        select payload ->> 'advance_no', '', try_cast(payload ->> 'paid_out_at' as timestamptz)::date,
            try_cast(payload ->> 'principal_amount' as double), payload ->> 'currency_code',
            'second pledge, refused by staging', _file, _row
        from reference_quarantine
        where feed = 'advances' and rule_ids = 'advances.double_pledge' and payload ->> 'seller_id' = $seller
        order by day desc, number
        """,
    ),
}


# What a page reads of large tables, and which rows of them belong to some sellers.
_NARROWED = {
    "fct_payouts": "seller_id in (select unnest($sellers))",
    "stg_bank_receipts": "bank_receipt_key in (select bank_receipt_key from fct_payouts)",
    "fct_rebate_claims": "seller_id in (select unnest($sellers))",
    "stg_rebate_claims": "claim_row_key in (select claim_row_key from fct_rebate_claims)",
    "stg_declarations": "seller_id in (select unnest($sellers))",
    "stg_orders": "seller_id in (select unnest($sellers))",
    "stg_disputes": "seller_id in (select unnest($sellers))",
    "fct_trade_ledger": "seller_id in (select unnest($sellers))",
}


def narrow(con: "duckdb.DuckDBPyConnection", sellers: Sequence[str]) -> None:
    """Let the connection see only these sellers' rows of large tables: many pages then cost one pass over each.

    A temporary table hides the view of its name; the connection is good for nothing but these sellers' pages.
    """
    for name, condition in _NARROWED.items():
        values = {"sellers": list(sellers)} if "$sellers" in condition else {}
        con.execute(f"create or replace temp table {name} as select * from main.{name} where {condition}", values)


def read_page(con: "duckdb.DuckDBPyConnection", seller_id: str, shelf: "Shelf | None" = None) -> Page:
    """Everything that is published of a seller.

    con: the published tables as views. shelf: of the trace, for the chains of a few orders. Raises NoSeller.
    """

    def frame(query: str) -> pd.DataFrame:
        return con.execute(query, {"seller": seller_id}).df()

    history = frame("select * from seller_score where seller_id = $seller order by as_of_on")
    if history.empty:
        (row,) = con.execute("select count(*), min(seller_id), max(seller_id) from seller_score").fetchall()
        known = f"{row[0]} rows from {row[1]} to {row[2]}" if row[0] else "no score at all: run credit_job"
        raise NoSeller(f"no score is published of seller {seller_id}; there are {known}")
    today = history.iloc[-1]
    as_of = day_of(today["as_of_on"])
    parts = frame("select * from seller_score_part where seller_id = $seller order by as_of_on, shortfall_rank")
    days = pd.to_datetime(parts["as_of_on"])
    scored = pd.Timestamp(str(today["scored_on"]))
    now, before = parts[days == scored], sorted(days[days < scored].unique())
    # About a month before: the kept day that lies nearest to thirty days ago.
    month = min(before, key=lambda day: abs((scored - day).days - 30), default=None)
    about = frame(
        """
        select any_value(seller_name) as seller_name, any_value(home_country) as home_country,
            any_value(joined_on) as joined_on, any_value(tax_grade) as tax_grade, any_value(customs_grade)
            as customs_grade, any_value(_file) as file, any_value(_row) as file_row
        from (select * from stg_sellers where seller_id = $seller order by valid_from desc limit 1)
        """
    )
    limits = frame("select * from seller_limit where seller_id = $seller order by as_of_on")
    return Page(
        seller_id=seller_id,
        as_of=as_of,
        about=about.iloc[0],
        history=history,
        today=today,
        parts=now,
        changes=score_changes(now, parts[days == before[-1]]) if before else parts.head(0),
        month_changes=score_changes(now, parts[days == month]) if month is not None else parts.head(0),
        month_ago=day_of(month) if month is not None else None,
        limit=limits.iloc[-1] if len(limits) else pd.Series(dtype=object),
        decisions=frame("select * from limit_decision where seller_id = $seller order by decided_at, word_no"),
        advances=frame("select * from seller_advance where seller_id = $seller order by paid_out_at desc"),
        pledges=frame(
            """
            select declaration_no, line_no, advance_no, pledge_state as state, declaration_status as remark
            from pledge where seller_id = $seller
            union all
            select declaration_no, line_no, advance_no, 'refused', reason from pledge_refusal where seller_id = $seller
            order by advance_no desc
            """
        ),
        refusals=frame(
            """
            select *, seller_id = $seller as is_own from pledge_refusal
            where seller_id = $seller or first_seller_id = $seller
            order by asked_at desc, advance_no
            """
        ),
        offers=frame("select * from guarantee_offer where seller_id = $seller order by orders_of_a_year desc, market"),
        claims=frame("select * from guarantee_claim where seller_id = $seller order by claimed_at desc"),
        evidence=[_evidence(con, name, seller_id, as_of) for name in _DOCUMENTS],
        chains=_chains(con, shelf, seller_id, as_of) if shelf is not None else (),
    )


def _evidence(con: "duckdb.DuckDBPyConnection", name: str, seller_id: str, as_of: date) -> Evidence:
    title, words, query = _DOCUMENTS[name]
    values = {"seller": seller_id} | ({"as_of": as_of} if "$as_of" in query else {})
    rows = con.execute(f"select *, count(*) over () as found from ({query}) limit {SHOWN}", values).df()
    return Evidence(title, words, int(rows["found"].iloc[0]) if len(rows) else 0, rows.drop(columns="found"))


def _chains(
    con: "duckdb.DuckDBPyConnection", shelf: "Shelf", seller_id: str, as_of: date
) -> "list[tuple[str, Chain | None, str]]":
    """The whole chain of some orders: of the last half year those with the largest receipts."""
    from orchestration.trace.answer import trace
    from orchestration.trace.shelf import TraceError

    rows = con.execute(
        """
        select order_no, sum(line_amount_usd) as usd from fct_trade_ledger
        where seller_id = $seller and received_at >= $as_of::date - 180 and received_at < $as_of::date
        group by order_no order by usd desc nulls last, order_no limit $count
        """,
        {"seller": seller_id, "as_of": as_of, "count": CHAINS},
    ).fetchall()
    found: list[tuple[str, Chain | None, str]] = []
    for number, _ in rows:
        try:
            answer = trace(shelf, str(number))
        except TraceError as error:
            found.append((str(number), None, str(error)))
            continue
        several = f"{len(answer.candidates)} orders have this number" if answer.candidates else ""
        found.append((str(number), answer.chain, several))
    return found
