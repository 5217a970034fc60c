"""Tables of credit as Parquet files, of one market's sellers.

Belongs here: which tables, cut how. Does not: figures.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.credit.tables import (
    CREDIT_EXPOSURE,
    CREDIT_STALE_MARKET,
    GUARANTEE_CLAIM,
    GUARANTEE_OFFER,
    GUARANTEE_RESERVE,
    SELLER_LIMIT,
    SELLER_SCORE,
    SELLER_SCORE_CHANGE,
    SELLER_SCORE_PART,
)

if TYPE_CHECKING:
    import duckdb

OF_MARKET = (CREDIT_EXPOSURE, CREDIT_STALE_MARKET, GUARANTEE_OFFER, GUARANTEE_RESERVE, GUARANTEE_CLAIM)
OF_SELLERS = (SELLER_SCORE, SELLER_SCORE_PART, SELLER_SCORE_CHANGE, SELLER_LIMIT)
ALL = "all"


class ExportError(RuntimeError):
    """There is nothing to export, or no place for it; the message says which."""


def export_market(con: "duckdb.DuckDBPyConnection", market: str, folder: Path) -> list[tuple[Path, int]]:
    """Write a Parquet file for each table and return paths and rows; `all` writes every market's.

    Tables by seller hold whoever sold into the market within a year of the newest score. A file that exists is
    refused, so that no older export is lost. Raises ExportError.
    """
    (row,) = con.execute("select max(as_of_on) from seller_score").fetchall()
    if row[0] is None:
        raise ExportError("no score is published: run credit_job first")
    sellers = (
        f"select seller_id from fct_orders where market = $market and ordered_on >= '{row[0]}'::date - 365"
        if market != ALL
        else ""
    )
    (count,) = con.execute(f"select count(*) from ({sellers or 'select 1'})", _values(market)).fetchall()
    if not count[0]:
        raise ExportError(f"{market}: no seller has sold there within a year; python -m orchestration.sql --tables")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for model in (*OF_MARKET, *OF_SELLERS):
        path = folder / f"{model.name}_{market}.parquet"
        if path.exists():
            raise ExportError(f"{path} exists already: name another folder")
        condition = ""
        if market != ALL:
            condition = "where market = $market" if model in OF_MARKET else f"where seller_id in ({sellers})"
        frame = con.execute(f"select * from {model.name} {condition} order by all", _values(market)).df()
        frame.to_parquet(path, compression="zstd", index=False)
        made.append((path, len(frame)))
    return made


def _values(market: str) -> dict[str, str]:
    return {} if market == ALL else {"market": market}
