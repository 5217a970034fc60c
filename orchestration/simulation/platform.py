"""A Chinese marketplace that exports its orders as a GB18030 file with semicolons, one row per order line.

Its habits: headers, countries, currencies and states in Chinese; wall clock of Shanghai in the local date format;
thousands separated by commas; now and then somebody types full-width characters.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from orchestration.simulation.catalogue import PRODUCTS
from orchestration.simulation.defects import Truth
from orchestration.simulation.drawing import Order, decimal_text
from orchestration.simulation.files import csv_bytes

ZONE = ZoneInfo("Asia/Shanghai")
HEADER = (
    "订单编号", "行号", "下单时间", "收货国家", "币种", "商品编码", "商品名称", "数量", "单价", "买家编号", "店铺编号",
    "订单状态",
)  # fmt: skip
COUNTRIES: Mapping[str, str] = {"US": "美国", "BR": "巴西", "JP": "日本", "KR": "韩国"}
CURRENCIES: Mapping[str, str] = {"USD": "美元", "BRL": "雷亚尔", "JPY": "日元", "KRW": "韩元"}
STATES = ("已完成", "已完成", "已完成", "已发货")
SHOPS = ("S-1001", "S-1002", "S-1003")
# Full-width forms stand at a fixed distance from the ASCII characters that they widen.
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def write_platform(
    rng: np.random.Generator, orders: Sequence[Order], ranges: Sequence[Sequence[str]], truth: Truth
) -> list[tuple[str, bytes]]:
    """One CSV file per range of months."""
    full_width = set(truth.put(rng, "platform.full_width", range(len(orders)), [order_no(order) for order in orders]))
    states = rng.integers(0, len(STATES), len(orders)).tolist()
    rows: list[tuple[str, tuple[str, ...]]] = []
    for number, order in enumerate(orders):
        local = order.placed_at.astimezone(ZONE)
        for line in order.lines:
            cells = (
                order_no(order),
                str(line.line_no),
                chinese_time(local),
                COUNTRIES[order.market],
                CURRENCIES[order.currency_code],
                PRODUCTS[line.product].sku,
                PRODUCTS[line.product].chinese_name,
                str(line.quantity),
                grouped(line.price, order.currency_code),
                f"B{700_001 + order.customer}",
                shop_of(order),
                STATES[states[number]],
            )
            if number in full_width:
                cells = (widened(cells[0]), *cells[1:7], widened(cells[7]), *cells[8:])
            rows.append((file_month(local, ranges), cells))
    return [
        (
            f"sample_platform_{months[0]}_{months[-1]}.csv",
            csv_bytes(
                [HEADER, *(cells for month, cells in rows if months[0] <= month <= months[-1])],
                encoding="gb18030",
                delimiter=";",
            ),
        )
        for months in ranges
    ]


def order_no(order: Order) -> str:
    """The platform's number of an order."""
    return f"PF{20_260_000_001 + order.number}"


def shop_of(order: Order) -> str:
    """The shop on the platform that sold the order."""
    return SHOPS[order.lines[0].product % len(SHOPS)]


def chinese_time(local: datetime) -> str:
    """The moment in the local format."""
    return f"{local.year}年{local.month:02d}月{local.day:02d}日 {local:%H:%M:%S}"


def widened(text: str) -> str:
    """The text in full-width characters."""
    return text.translate(FULL_WIDTH)


def grouped(minor_units: int, currency_code: str) -> str:
    """The amount with commas between thousands."""
    whole, point, fraction = decimal_text(minor_units, currency_code).partition(".")
    return f"{int(whole):,}{point}{fraction}"


def file_month(local: datetime, ranges: Sequence[Sequence[str]]) -> str:
    """The month that decides the file of a record; what lies outside all months stands in the first or last file."""
    return min(max(local.strftime("%Y-%m"), ranges[0][0]), ranges[-1][-1])
