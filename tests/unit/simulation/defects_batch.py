"""A small clean batch of one market-month in canonical tables, large enough that every defect finds its records.

Belongs here: what the tests of the defects share. Does not: assertions.
"""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ORDERS = 1200
SECOND = np.datetime64("2024-03-01T00:00:00", "us").astype(np.int64)


def moments(seconds):
    return pa.array(SECOND + np.asarray(seconds, dtype=np.int64) * 1_000_000, pa.timestamp("us", "UTC"))


def months(seconds):
    return pc.strftime(moments(seconds), format="%Y-%m")


def repeated(texts, count):
    return pa.array([texts[n % len(texts)] for n in range(count)]).dictionary_encode()


def postal(n):
    serial = f"{n:08d}"
    rest = 11 - sum(int(d) * w for d, w in zip(serial, (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
    return f"RA{serial}{ {10: 0, 11: 5}.get(rest, rest) }CN"


def travels(number, i):
    """Every fortieth parcel holds two orders, every fiftieth order travels in two parcels."""
    return f"{number[i]};{number[i - 1]}" if i % 40 == 1 else number[i - (i % 50 == 7)]


def clean_batch():
    """Tables by source and feed; order n has two lines, one payment, one parcel, one declaration and one visit."""
    n = np.arange(ORDERS)
    number = [f"OS-2403{i:07d}" for i in n]
    placed = n * 2100
    goods, discount = 1000.0 + n, np.where(n % 2 == 0, 5.0, 0.0)
    one = pa.array(np.ones(ORDERS, dtype=np.int64))
    text = pa.array(number)
    twice = np.repeat(n, 2)
    line_no = pa.array([str(i % 2 + 1) for i in range(2 * ORDERS)])
    currencies = ("JPY", "USD", "GBP", "CNY")
    countries = ("GB", "US", "SA", "CN")
    tables = {
        ("hub", "orders"): {
            "order_no": text,
            "ordered_at": moments(placed),
            "ship_to_country": repeated(countries, ORDERS),
            "currency_code": repeated(currencies, ORDERS),
            "seller_id": pa.array([f"S{i % 60:06d}" for i in n]),
            "customer_id": pa.array([f"C{i:09d}" for i in n]),
            "device_id": pa.array([f"d{i}" for i in n]),
            "subdivision_code": pa.array([f"{countries[i % 4]}-AA" for i in n]),
            "goods_amount": goods,
            "freight_amount": np.full(ORDERS, 7.5),
            "tax_amount": np.zeros(ORDERS),
            "discount_amount": discount,
            "payable_amount": goods + 7.5 - discount,
            "buyer_id_no": pa.array([f"1101051949{i:07d}X" for i in n]),
            "promised_on": pa.array([date(2024, 1 + i % 12, 1 + i % 27) for i in n]),
            "version": one,
            "updated_at": moments(placed),
        },
        ("hub", "order_lines"): {
            "order_no": text.take(pa.array(twice)),
            "line_no": line_no,
            "product_id": pa.array([f"P{i:07d}" for i in range(2 * ORDERS)]),
            "quantity": np.ones(2 * ORDERS),
            "unit_price_amount": np.repeat(goods, 2) / 2,
            "list_price_amount": np.repeat(goods, 2),
            "currency_code": repeated(currencies, ORDERS).take(pa.array(twice)),
        },
        ("paygate", "payments"): {
            "payment_no": pa.array([f"PY{i:09d}" for i in n] + [f"RF{i:09d}" for i in n[::4]]),
            "order_no": pa.array(number + number[::4]),
            "payment_type": pa.array(["payment"] * ORDERS + ["refund"] * len(n[::4])).dictionary_encode(),
            "paid_at": moments(np.concatenate([placed + 90, placed[::4] + 900_000])),
            "payer_country": repeated(countries, ORDERS + len(n[::4])),
            "amount": np.concatenate([goods, -goods[::4]]),
            "currency_code": repeated(currencies, ORDERS + len(n[::4])),
            "method_code": repeated(("wallet", "card"), ORDERS + len(n[::4])),
            "payer_id_no": repeated(("11010519491231002X",), ORDERS + len(n[::4])),
            "version": pa.array(np.ones(ORDERS + len(n[::4]), dtype=np.int64)),
            "updated_at": moments(np.concatenate([placed + 90, placed[::4] + 900_000])),
        },
        ("carrier", "shipments"): {
            "carrier_code": repeated(("EMS",), ORDERS),
            "waybill_no": pa.array([postal(i) for i in n]),
            "shipped_month": months(placed + 400_000),
            "order_no": pa.array(
                [f"{number[i]};{number[i - 1]}" if i % 40 == 1 else number[i - (i % 50 == 7)] for i in n]
            ),
            "shipped_at": moments(placed + 400_000),
            "delivered_at": moments(placed + 900_000),
            "destination_country": repeated(("GB",), ORDERS),
            "route_code": repeated(("R1", "R2"), ORDERS),
            "gross_weight_kg": np.full(ORDERS, 0.8),
            "consignee_name": repeated(("Anna Müller", "张伟国", "Otto"), ORDERS),
            "version": one,
            "updated_at": moments(placed + 900_000),
        },
        ("carrier", "shipment_lines"): {
            "carrier_code": repeated(("EMS",), ORDERS),
            "waybill_no": pa.array([postal(i) for i in n]),
            "shipped_month": months(placed + 400_000),
            "line_no": repeated(("1",), ORDERS),
            "quantity": np.ones(ORDERS),
        },
        ("carrier", "tracking_events"): {
            "carrier_code": repeated(("EMS",), 3 * ORDERS),
            "waybill_no": pa.array([postal(i) for i in np.repeat(n, 3)]),
            "shipped_month": months(np.repeat(placed + 400_000, 3)),
            "event_code": repeated(("handed_over", "departed", "delivered"), 3 * ORDERS),
            "event_at": moments(np.repeat(placed + 400_000, 3) + np.tile([0, 100_000, 500_000], ORDERS)),
            "event_id": pa.array([f"e{i}" for i in range(3 * ORDERS)]),
        },
        ("broker", "declarations"): {
            "declaration_no": pa.array([f"5301202400{i:08d}" for i in n]),
            "declared_at": moments(placed + 200_000),
            "flow": repeated(("export",), ORDERS),
            "order_no": text,
            "merchant_uscc": repeated(("91350100M000100Y43",), ORDERS),
            "buyer_id_no": repeated(("11010519491231002X",), ORDERS),
            "gross_mass_kg": np.full(ORDERS, 0.8),
            "net_mass_kg": np.full(ORDERS, 0.7),
            "change_type": repeated(("new",), ORDERS),
            "version": one,
            "updated_at": moments(placed + 200_000),
        },
        ("broker", "declaration_receipts"): {
            "declaration_no": pa.array([f"5301202400{i:08d}" for i in np.repeat(n, 2)]),
            "status_code": repeated(("120", "800"), 2 * ORDERS),
            "received_at": moments(np.repeat(placed + 200_000, 2) + np.tile([600, 30_000], ORDERS)),
        },
        ("broker", "declaration_lines"): {
            "declaration_no": pa.array([f"5301202400{i:08d}" for i in n]),
            "line_no": repeated(("1",), ORDERS),
            "hs_code": repeated(("0409000000", "9503002100", "8517799000", "6109100022"), ORDERS),
            "product_name": repeated(("Honey", "Plush animal", "Phone parts"), ORDERS),
            "net_mass_kg": np.full(ORDERS, 0.7),
            "gross_mass_kg": np.full(ORDERS, 0.8),
            "line_value_amount": goods,
            "unit_price_amount": goods,
            "legal_unit_1_code": repeated(("035", "007"), ORDERS),
            "legal_quantity_1": np.full(ORDERS, 0.7),
        },
        ("hub", "returns"): {
            "return_no": pa.array([f"R{i}" for i in n]),
            "line_no": repeated(("1",), ORDERS),
            "order_no": text,
            "order_line_no": repeated(("1",), ORDERS),
            "quantity": np.ones(ORDERS),
        },
        ("settle", "settlements"): {
            "settlement_no": repeated(("T1",), 2 * ORDERS),
            "line_no": pa.array([str(i) for i in range(2 * ORDERS)]),
            "order_no": text.take(pa.array(twice)),
            "settled_at": moments(np.repeat(placed, 2) + 1_500_000),
            "leg_type": repeated(("gross", "tax"), 2 * ORDERS),
            "amount": np.repeat(goods, 2) * np.tile([1.0, -0.1], ORDERS),
            "currency_code": repeated(currencies, ORDERS).take(pa.array(twice)),
        },
        ("analytics", "sessions"): {
            "session_id": pa.array([f"V{i}" for i in n]),
            "started_at": moments(placed - 600),
            "ended_at": moments(placed - 60),
            "device_id": pa.array([f"d{i}" for i in n]),
            "page_views": pa.array(np.full(ORDERS, 4, dtype=np.int64)),
            "order_no": pa.array([number[i] if i % 5 == 0 else None for i in n]),
        },
        ("hub", "products"): {
            "product_id": pa.array([f"P{i:07d}" for i in n]),
            "valid_from": repeated((date(2024, 1, 1),), ORDERS).cast(pa.date32()),
            "gtin": repeated(("4006381333931",), ORDERS),
        },
        ("hub", "sellers"): {
            "seller_id": pa.array([f"S{i:06d}" for i in n]),
            "valid_from": repeated((date(2024, 1, 1),), ORDERS).cast(pa.date32()),
            "home_country": repeated(("CN",), ORDERS),
            "subdivision_code": repeated(("CN-GD",), ORDERS),
        },
        ("erp", "purchase_orders"): {
            "po_no": pa.array([f"B{i}" for i in n]),
            "line_no": repeated(("1",), ORDERS),
            "container_no": repeated(("CSQU3054383",), ORDERS),
        },
        ("lender", "advances"): {
            "advance_no": pa.array([f"A{i}" for i in n]),
            "paid_out_at": moments(placed),
            "pledged_declaration_no": pa.array([f"5301202400{i:08d}" for i in n]),
            "pledged_line_no": repeated(("1",), ORDERS),
        },
        ("worldfx", "fx_rates"): {
            "provider": repeated(("WORLD",), ORDERS),
            "rate_on": pa.array([date.fromordinal(738_000 + i // 4) for i in n]),
            "currency_code": repeated(("USD", "JPY", "BRL", "MXN"), ORDERS),
            "rate_per_eur": np.full(ORDERS, 2.5),
        },
    }
    return {key: pa.table(columns) for key, columns in tables.items()}
