"""Samples of orders that can be laid side by side: of the simulated world and of the real sets.

Belongs here: reading each set, and what one order, one line, one gap is in it. Does not: comparing (see
`realism_statistics.py`) and drawing (see `realism_plots.py`).
A year of each: purchases per customer and gaps between them depend on how long one looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.arrivals.sql_text import literal
from orchestration.simulation.documents.generate import generate_documents
from orchestration.simulation.world.batches import World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import month_start
from orchestration.simulation.world.generate import generate_commerce

Values = NDArray[np.float64]
# A dated document of SCMS is written in one of these ways.
_DATE = "coalesce(try_strptime({0}, '%-d-%b-%y'), try_strptime({0}, '%m/%d/%Y'), try_strptime({0}, '%Y-%m-%d'))"
# Postage, fees and adjustments of Online Retail; its goods have a number of five digits, the rest letters only.
_IS_GOODS = "regexp_matches(StockCode, '^[0-9]{5}')"


@dataclass(frozen=True)
class Sample:
    """Orders of one set.

    measures: values by name (`order value`, `lines per order`, ...). profiles: shares by name over weekdays (Monday
    first) or hours. shares: single numbers by name, in percent.
    """

    name: str
    measures: Mapping[str, Values] = field(default_factory=dict)
    profiles: Mapping[str, Values] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


def online_retail(path: Path) -> Sample:
    """The UK online shop of gifts, 2010-12 to 2011-11; many of its customers are resellers."""
    with duckdb.connect() as con:
        con.execute(
            f"""
            create table lines as
            select distinct * from {literal(str(path))}
            where {_IS_GOODS} and UnitPrice > 0 and InvoiceDate < timestamp '2011-12-01'
            """
        )
        con.execute(
            """
            create table orders as
            select InvoiceNo as no, any_value(CustomerID) as customer, min(InvoiceDate) as at, count(*) as lines,
                sum(Quantity * UnitPrice) as amount
            from lines where InvoiceNo not like 'C%' and Quantity > 0 group by all
            """
        )
        orders = con.sql("from orders").df()
        units = con.sql("select Quantity from lines where InvoiceNo not like 'C%' and Quantity > 0").df()
        cancelled = con.execute("select count(distinct InvoiceNo) from lines where InvoiceNo like 'C%'").fetchall()
    known = orders.dropna(subset=["customer"])
    return Sample(
        "Online Retail",
        {
            "order value": scaled(orders["amount"].to_numpy(float)),
            "lines per order": orders["lines"].to_numpy(float),
            "units per line": units["Quantity"].to_numpy(float),
            **buying(known["customer"].to_numpy(np.int64), known["at"]),
        },
        rhythm(orders["at"]),
        {"orders with goods back, %": 100 * int(cancelled[0][0]) / len(orders)},
    )


def cdnow(path: Path) -> Sample:
    """Buyers of a music shop whose first purchase was in the first quarter of 1997, in that year."""
    rows = pd.read_parquet(path)
    day = pd.to_datetime(rows["date"])
    first_year = (day.dt.year == 1997).to_numpy()
    customer = rows["customer_id_master"].to_numpy(np.int64)[first_year]
    value = rows["spend_usd"].to_numpy(float)
    return Sample("CDNOW", {"order value": scaled(value[value > 0]), **buying(customer, day[first_year])})


def scms(path: Path) -> Sample:
    """Shipments of health goods, 2006 to 2015: value, lines and days after schedule of each shipment."""
    scheduled = _DATE.format('"Scheduled Delivery Date"')
    delivered = _DATE.format('"Delivered to Client Date"')
    with duckdb.connect() as con:
        shipments = con.sql(
            f"""
            select "ASN/DN #" as no, count(*)::double as lines, sum(try_cast("Line Item Value" as double)) as amount,
                max(date_diff('day', {scheduled}, {delivered}))::double as late
            from {literal(str(path))} group by all
            """
        ).df()
    amount, late = shipments["amount"].to_numpy(float), shipments["late"].dropna().to_numpy(float)
    return Sample(
        "SCMS",
        {
            "order value": scaled(amount[amount > 0]),
            "lines per order": shipments["lines"].to_numpy(float),
            "days after the promised day": late,
        },
        shares={"delivered late, %": 100 * float((late > 0).mean())},
    )


def simulated(config: WorldConfig, markets: tuple[str, ...], months: tuple[str, ...]) -> Sample:
    """The world's orders of some markets and months, as its feeds show them; no defects."""
    world = build_world(config)
    parts = [_market_sample(world, market, months) for market in markets]
    orders = sum(len(part.measures["lines per order"]) for part in parts)
    return Sample(
        "the world",
        {name: np.concatenate([part.measures[name] for part in parts]) for name in parts[0].measures},
        {
            name: sum((part.profiles[name] * len(part.measures["lines per order"]) for part in parts), np.zeros(1))
            / orders
            for name in parts[0].profiles
        },
        {
            name: sum(part.shares[name] * len(part.measures["lines per order"]) for part in parts) / orders
            for name in parts[0].shares
        },
    )


def _market_sample(world: World, market: str, months: tuple[str, ...]) -> Sample:
    values, lines, units, customers, moments, late = [], [], [], [], [], []
    with_return = cancelled = 0
    for month in months:
        commerce = generate_commerce(world, market, month)
        batch = commerce.batch
        documents = generate_documents(world, batch)
        values.append(batch.goods_cents / 100)
        lines.append(np.bincount(batch.line_order, minlength=len(batch.goods_cents)).astype(float))
        units.append(batch.quantity.astype(float))
        customers.append(batch.customer)
        # Seconds of the buyer's own day: the hour of an order is that of the buyer's clock.
        moments.append(_local(batch.ordered_at, world.markets.time_zone[world.config.markets.index(market)]))
        cancelled += int(batch.is_cancelled.sum())
        tables = documents.tables
        if ("hub", "returns") in tables:
            with_return += len(tables["hub", "returns"]["order_no"].unique())
        for source in ("carrier", "port"):
            if (source, "shipments") in tables:
                dates = tables[source, "shipments"].select(["delivered_at", "promised_on"]).to_pandas().dropna()
                delivered = pd.to_datetime(dates["delivered_at"]).dt.tz_convert(None).dt.normalize()
                late.append((delivered - pd.to_datetime(dates["promised_on"])).dt.days.to_numpy(float))
    at = pd.concat(moments, ignore_index=True)
    orders, days_late = len(at), np.concatenate(late)
    return Sample(
        market,
        {
            "order value": scaled(np.concatenate(values)),
            "lines per order": np.concatenate(lines),
            "units per line": np.concatenate(units),
            **buying(np.concatenate(customers), at),
            "days after the promised day": days_late,
        },
        rhythm(at),
        {
            "orders with goods back, %": 100 * (with_return + cancelled) / orders,
            "delivered late, %": 100 * float((days_late > 0).mean()),
        },
    )


def _local(seconds: NDArray[np.int64], time_zone: str) -> pd.Series:
    moments = pd.Series(pd.to_datetime(seconds, unit="s", utc=True))
    return moments.dt.tz_convert(time_zone).dt.tz_localize(None)


def scaled(values: Values) -> Values:
    """The values in medians: currencies and trades differ in level, their shape can be compared."""
    return values / np.median(values)


def buying(customer: NDArray[np.int64], at: pd.Series) -> dict[str, Values]:
    """Purchases per customer, and days between one purchase and the next; purchases of one day count once."""
    frame = pd.DataFrame({"customer": customer, "day": at.dt.normalize().to_numpy()}).drop_duplicates()
    frame = frame.sort_values(["customer", "day"])
    gaps = frame.groupby("customer")["day"].diff().dropna().dt.days
    return {
        "purchases per customer": frame.groupby("customer").size().to_numpy(float),
        "days between purchases": gaps.to_numpy(float),
    }


def rhythm(at: pd.Series) -> dict[str, Values]:
    """Shares of the orders by weekday and by hour of the day."""
    weekday = np.bincount(at.dt.day_of_week.to_numpy(), minlength=7)
    hour = np.bincount(at.dt.hour.to_numpy(), minlength=24)
    return {"weekday": weekday / weekday.sum(), "hour": hour / hour.sum()}


def year_of(config: WorldConfig, first_month: str) -> tuple[str, ...]:
    """Twelve months of the world from the first one on; ValueError when it has fewer."""
    months = [month for month in config.month_list if month_start(month) >= month_start(first_month)][:12]
    if len(months) < 12:
        raise ValueError(f"the world has no twelve months from {first_month} on")
    return tuple(months)
