"""A lake of a few rows for tests of credit: the published tables that features and targets read, empty or by hand.

Belongs here: columns and rows of published tables. Does not: what is expected of them.
"""

from datetime import date, datetime
from decimal import Decimal

import duckdb

TABLES = {
    "fct_trade_ledger": "order_key varchar, seller_key varchar, market varchar, product_key varchar,"
    " currency_code varchar, quantity decimal(19, 4), line_amount decimal(19, 4), line_amount_usd decimal(19, 4),"
    " ordered_at timestamp, paid_at timestamp, declared_at timestamp, released_at timestamp, shipped_at timestamp,"
    " delivered_at timestamp, received_at timestamp, cancelled_at timestamp, stopped_at timestamp, lost_at timestamp,"
    " returned_to_sender_at timestamp, returned_at timestamp, promised_on date, declaration_key varchar",
    "fct_orders": "order_key varchar, customer_key varchar",
    "fct_match_result": "order_key varchar, rule_id varchar, match_status varchar",
    "fct_declaration_coverage": "order_key varchar, declared_at timestamp, declared_amount decimal(19, 4),"
    " currency_code varchar",
    "fct_payouts": "seller_key varchar, market varchar, currency_code varchar, net_amount decimal(19, 4),"
    " settled_at timestamp, receipt_due_on date, received_on date",
    "fct_rebate_claims": "seller_key varchar, claimed_at timestamp, paid_on date",
    "stg_products": "product_key varchar, valid_from date, is_made_to_order boolean",
    "stg_sellers": "seller_key varchar, seller_id varchar, valid_from date, joined_on date, founded_on date,"
    " tax_grade varchar, customs_grade varchar, fx_grade varchar, changed_at timestamp",
    "stg_declaration_receipts": "declaration_key varchar, status_code varchar, received_at timestamp",
    "stg_advances": "seller_key varchar, advance_no varchar, paid_out_at timestamp, annual_rate_pct decimal(19, 4)",
    "stg_repayments": "seller_key varchar, advance_no varchar, seq bigint, due_on date, paid_at timestamp",
    "stg_disputes": "case_no varchar, order_key varchar, seller_key varchar, opened_at timestamp, closed_at timestamp,"
    " outcome_code varchar",
    "stg_guarantee_claims": "order_key varchar, seller_key varchar, claimed_at timestamp, claim_status varchar,"
    " paid_on date, changed_at timestamp",
}
Cell = str | int | float | bool | date | datetime | Decimal | None


def facts_lake() -> duckdb.DuckDBPyConnection:
    """A connection with all tables, empty."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns})")
    return con


def add(con: duckdb.DuckDBPyConnection, table: str, **row: Cell) -> None:
    """Insert one row; columns that are not named are null."""
    places = ", ".join("?" for _ in row)
    con.execute(f"insert into {table} ({', '.join(row)}) values ({places})", list(row.values()))
