"""The export declarations of the marketplace's parcels, as a customs broker sends them: zipped CSV, one row per line.

Its habits: supervision mode 9610 (retail export by direct mail), moments of fourteen digits in Chinese time, HS codes
with dots or without, of six, eight or ten digits, and what a spreadsheet does to them.
"""

from collections.abc import Sequence

import numpy as np

from orchestration.simulation.catalogue import PRODUCTS
from orchestration.simulation.defects import Truth
from orchestration.simulation.drawing import decimal_text
from orchestration.simulation.files import csv_bytes, zip_bytes
from orchestration.simulation.parcels import CARRIERS, Parcel
from orchestration.simulation.platform import ZONE, file_month, order_no, shop_of

HEADER = (
    "declaration_no", "declared_at", "flow", "destination", "customs_office", "mode", "transport", "exporter",
    "consignee", "order_no", "line", "hs_code", "goods", "origin", "net_kg", "gross_kg", "units", "value", "currency",
)  # fmt: skip
OFFICE = "5141"
# Digits at which a line is declared: retail export may use the short forms.
HS_DIGITS = (10, 10, 10, 8, 6)
MONTHS_PER_MEMBER = 2


def write_customs(
    rng: np.random.Generator, parcels: Sequence[Parcel], ranges: Sequence[Sequence[str]], truth: Truth
) -> list[tuple[str, bytes]]:
    """One zip archive per range of months, with a CSV file for every two months in it."""
    lines = [
        (number, parcel, position) for number, parcel in enumerate(parcels) for position in range(len(parcel.lines))
    ]
    names = [f"{_declaration_no(number, parcel)} {position + 1}" for number, parcel, position in lines]
    codes = _hs_codes(rng, [parcel.lines[position][1].product for _, parcel, position in lines], names, truth)
    rows: list[tuple[str, tuple[str, ...]]] = []
    for (number, parcel, position), hs_code in zip(lines, codes, strict=True):
        order, line = parcel.lines[position]
        # Parcels are declared at the counter where the carrier takes them over.
        declared = parcel.shipped_at.astimezone(ZONE)
        net_g = PRODUCTS[line.product].weight_g * line.quantity
        cells = (
            _declaration_no(number, parcel),
            declared.strftime("%Y%m%d%H%M%S"),
            "E",
            order.market,
            OFFICE,
            "9610",
            CARRIERS[order.market][1],
            shop_of(parcel.orders[0]),
            f"B{700_001 + parcel.orders[0].customer}",
            ";".join(order_no(each) for each in parcel.orders),
            str(position + 1),
            hs_code,
            PRODUCTS[line.product].name.title(),
            "CN",
            f"{net_g // 1000}.{net_g % 1000:03d}",
            f"{(net_g + 30) // 1000}.{(net_g + 30) % 1000:03d}",
            str(line.quantity),
            decimal_text(line.price * line.quantity, order.currency_code),
            order.currency_code,
        )
        rows.append((file_month(declared, ranges), cells))
    return [
        (
            f"sample_customs_{months[0]}_{months[-1]}.zip",
            zip_bytes(
                [
                    (
                        f"sample_customs_{pair[0]}.csv",
                        csv_bytes([HEADER, *(cells for month, cells in rows if month in pair)], encoding="utf-8"),
                    )
                    for pair in (
                        months[start : start + MONTHS_PER_MEMBER] for start in range(0, len(months), MONTHS_PER_MEMBER)
                    )
                ]
            ),
        )
        for months in ranges
    ]


def _declaration_no(number: int, parcel: Parcel) -> str:
    """Eighteen digits: office, year, 0 for export, serial number (domain reference, section a1)."""
    return f"{OFFICE}{parcel.shipped_at.astimezone(ZONE).year}0{number + 1:09d}"


def _hs_codes(rng: np.random.Generator, products: Sequence[int], names: Sequence[str], truth: Truth) -> list[str]:
    """The HS code of each line as the broker writes it."""
    digits = rng.integers(0, len(HS_DIGITS), len(products)).tolist()
    codes = [PRODUCTS[product].hs_code[: HS_DIGITS[digit]] for product, digit in zip(products, digits, strict=True)]

    def put(defect_id: str, positions: Sequence[int]) -> list[int]:
        return truth.put(rng, defect_id, positions, [names[position] for position in positions])

    with_zero = [position for position, code in enumerate(codes) if code.startswith("0")]
    lost = put("customs.hs_zero_lost", with_zero)
    whole = sorted(set(range(len(codes))) - set(lost))
    dotted = put("customs.hs_dots", whole)
    long = [position for position in whole if position not in set(dotted) and len(codes[position]) == 10]
    scientific = put("customs.hs_scientific", long)
    for position in lost:
        codes[position] = codes[position][1:]
    for position in dotted:
        code = codes[position]
        codes[position] = ".".join([code[:4], *(code[start : start + 2] for start in range(4, len(code), 2))])
    for position in scientific:
        mantissa = codes[position].lstrip("0")
        codes[position] = f"{mantissa[0]}.{mantissa[1:5]}E+{len(mantissa) - 1:02d}"
    return codes
