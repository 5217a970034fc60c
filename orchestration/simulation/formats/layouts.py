"""Layouts of delimited files: the dialect of each source and the header of each column.

Belongs here: which column says which field, one for every field that the source's feed can have. Does not: writing
(see `csv_files.py`). The mappings in `orchestration/arrivals/sources/world_*.yaml` read what stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.formats.codes import (
    CHINESE_CHANGES,
    CHINESE_CLAIMS,
    CHINESE_COUNTRIES,
    CHINESE_CURRENCIES,
    CHINESE_KINDS,
    CHINESE_LEGS,
    CHINESE_RECEIPTS,
    CHINESE_SCREENS,
    CUSTOMS_CHANGES,
    CUSTOMS_COUNTRIES,
    CUSTOMS_CURRENCIES,
    CUSTOMS_DOCUMENTS,
    CUSTOMS_FLOWS,
    CUSTOMS_TRANSPORT,
    Codes,
)
from orchestration.simulation.formats.texts import ISO, Moments

SHANGHAI = 8
SEATTLE = -7


@dataclass(frozen=True)
class Dialect:
    """How a source writes a table as text."""

    delimiter: str = ","
    encoding: str = "utf-8"
    moments: Moments = ISO
    point: str = "."
    thousands: str = ""
    ending: str = "csv"


@dataclass(frozen=True)
class Layout:
    """The columns of a file by the fields that they say; codes by field."""

    dialect: Dialect
    headers: Mapping[str, str]
    codes: Mapping[str, Codes] = field(default_factory=dict)


PLAIN = Dialect()
AMERICAN = Dialect(moments=Moments(after="-07:00", hours=SEATTLE))
CHINESE = Dialect(";", "gb18030", Moments("%Y/%m/%d", " ", "%H:%M:%S", "", SHANGHAI))
GATEWAY = Dialect(encoding="utf-8-sig", moments=Moments(time=""))
FORWARDER = Dialect(moments=Moments("%Y-%m-%d", " ", "%H:%M:%S", "", SHANGHAI))
BROKER = Dialect("|", moments=Moments("%Y%m%d", "", "%H%M%S", "", SHANGHAI), ending="txt")
SETTLING = Dialect("\t", "utf-16", Moments("%d.%m.%Y", " ", "%H:%M:%S", " UTC"), point=",", ending="tsv")
BANK = Dialect(",", "gb18030", Moments("%Y%m%d", " ", "%H:%M:%S", "", SHANGHAI), thousands=",")
TAX_BUREAU = Dialect(",", "gb18030", Moments("%Y年%m月%d日", " ", "%H:%M:%S", "", SHANGHAI), ending="csv")
GERMAN = Dialect(";", "cp1252", Moments("%d.%m.%Y", " ", "%H:%M:%S", ""), point=",")
ADVERTISING = Dialect(",", moments=Moments("%m/%d/%Y", " ", "%H:%M:%S", ""))


def titles(feed: str, **others: str) -> Mapping[str, str]:
    """Headers made from the names of a feed's fields ("Order No"), but for those that are given."""
    return {name: others.get(name, name.replace("_", " ").title()) for name in contracts()[feed].field_names}


def camels(feed: str, **others: str) -> Mapping[str, str]:
    """Headers made from the names of a feed's fields ("orderNo"), but for those that are given."""
    return {name: others.get(name, camel(name)) for name in contracts()[feed].field_names}


def camel(name: str) -> str:
    """The name of a field as keys of messages are written: orderNo."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _names(feed: str) -> Layout:
    return Layout(PLAIN, {name: name for name in contracts()[feed].field_names})


def _numeric(*countries: str) -> Mapping[str, Codes]:
    return {
        "currency_code": CUSTOMS_CURRENCIES,
        **dict.fromkeys(countries, CUSTOMS_COUNTRIES),
        "transport_mode": CUSTOMS_TRANSPORT,
        "change_type": CUSTOMS_CHANGES,
        "flow": CUSTOMS_FLOWS,
        "document_kind": CUSTOMS_DOCUMENTS,
    }


CHINESE_ORDERS = {
    "order_no": "订单编号", "ordered_at": "下单时间", "ship_to_country": "收货国家", "currency_code": "币种",
    "seller_id": "店铺编号", "customer_id": "买家编号", "channel": "平台", "order_status": "订单状态",
    "platform_code": "平台代码", "merchant_uscc": "商户统一代码", "screen": "终端", "subdivision_code": "收货省州",
    "postcode": "邮编", "goods_amount": "商品金额", "freight_amount": "运费", "tax_amount": "税费",
    "discount_amount": "优惠金额", "payable_amount": "实付金额", "buyer_id_no": "买家证件号", "buyer_name": "买家姓名",
    "buyer_email": "买家邮箱", "device_id": "设备号", "consignee_name": "收货人", "consignee_phone": "收货电话",
    "consignee_address": "收货地址", "session_id": "会话号", "promised_on": "承诺送达日", "note": "备注",
    "change_type": "变更类型", "updated_at": "更新时间", "version": "版本",
}  # fmt: skip
CHINESE_LINES = {
    "order_no": "订单编号", "line_no": "行号", "product_id": "商品编码", "product_name": "商品名称",
    "product_kind": "商品类型", "leg_type": "业务类型", "quantity": "数量", "unit_price_amount": "单价",
    "currency_code": "币种", "reverses_order_no": "原订单编号", "reverses_line_no": "原行号",
    "list_price_amount": "标价", "line_amount": "金额", "promotion_id": "活动编号", "is_gift": "赠品",
    "version": "版本", "updated_at": "更新时间",
}  # fmt: skip
BANK_RECEIPTS = {
    "receipt_no": "收汇流水号", "seller_id": "商户号", "value_on": "起息日", "amount": "入账金额",
    "currency_code": "币种", "bank_charge_amount": "手续费", "payout_ref": "附言", "payer_name": "付款人",
    "receipt_kind": "款项类型", "declared_balance_code": "申报号码", "version": "版本", "updated_at": "更新时间",
}  # fmt: skip
REBATE_CLAIMS = {
    "claim_key": "关联号", "declaration_no": "报关单号", "declaration_line_no": "项号", "order_no": "订单编号",
    "seller_id": "企业编号", "market_country": "目的国", "claimed_at": "申报时间", "claim_status": "状态",
    "base_amount": "计税金额", "rate_pct": "退税率", "rebate_amount": "退税额", "currency_code": "币种",
    "paid_on": "退库日期", "invoice_no": "发票号", "hs_code": "商品代码", "version": "版本", "updated_at": "更新时间",
}  # fmt: skip
GERMAN_STOCK = {
    "site_code": "Lager", "site_country": "Land", "product_id": "Artikel", "counted_on": "Zähltag",
    "on_hand_qty": "Bestand", "reserved_qty": "Reserviert", "in_transit_qty": "Unterwegs", "received_qty": "Zugänge",
    "shipped_qty": "Abgänge", "adjusted_qty": "Korrektur", "is_out_of_stock": "Fehlbestand",
    "served_countries": "Märkte", "version": "Version", "updated_at": "Geändert",
}  # fmt: skip
GERMAN_CAPACITY = {
    "site_code": "Lager", "site_country": "Land", "capacity_kind": "Größe", "measured_on": "Tag",
    "capacity_value": "Kapazität", "peak_load_value": "Spitzenlast", "version": "Version", "updated_at": "Geändert",
}  # fmt: skip

_CHINESE_CODES = {
    "ship_to_country": CHINESE_COUNTRIES,
    "currency_code": CHINESE_CURRENCIES,
    "screen": CHINESE_SCREENS,
    "change_type": CHINESE_CHANGES,
    "product_kind": CHINESE_KINDS,
    "leg_type": CHINESE_LEGS,
}
_REBATES = Layout(
    TAX_BUREAU,
    REBATE_CLAIMS,
    {"market_country": CHINESE_COUNTRIES, "claim_status": CHINESE_CLAIMS, "currency_code": CHINESE_CURRENCIES},
)

# By source and kind of file: the name of a file is <source>__<kind>__<tag>.<ending>.
LAYOUTS: Mapping[tuple[str, str], Layout] = MappingProxyType(
    {
        ("hub", "orders_a"): Layout(AMERICAN, titles("orders", order_no="Order Id", ordered_at="Purchase Date")),
        ("hub", "order_lines_a"): Layout(AMERICAN, titles("order_lines", order_no="Order Id", product_id="SKU")),
        ("hub", "orders_b"): Layout(CHINESE, CHINESE_ORDERS, _CHINESE_CODES),
        ("hub", "order_lines_b"): Layout(CHINESE, CHINESE_LINES, _CHINESE_CODES),
        **{
            ("hub", feed): _names(feed)
            for feed in ("returns", "sellers", "products", "customers", "promotions", "disputes", "guarantee_claims")
        },
        ("paygate", "payments"): Layout(GATEWAY, camels("payments")),
        ("carrier", "shipments"): Layout(FORWARDER, titles("shipments")),
        ("carrier", "shipment_lines"): Layout(FORWARDER, titles("shipment_lines")),
        ("broker", "declarations"): Layout(
            BROKER,
            camels("declarations"),
            _numeric("declaring_country", "market_country", "destination_country", "departure_country"),
        ),
        ("broker", "declaration_lines"): Layout(BROKER, camels("declaration_lines"), _numeric("origin_country")),
        ("broker", "declaration_receipts"): Layout(BROKER, camels("declaration_receipts")),
        ("settle", "settlements"): Layout(SETTLING, titles("settlements")),
        ("bank", "bank_receipts"): Layout(
            BANK, BANK_RECEIPTS, {"currency_code": CHINESE_CURRENCIES, "receipt_kind": CHINESE_RECEIPTS}
        ),
        ("taxbureau", "rebate_claims"): _REBATES,
        ("port_tax", "rebate_claims"): _REBATES,
        ("ads", "media_spend"): Layout(ADVERTISING, titles("media_spend", spent_on="Day", spend_amount="Cost")),
        ("wms", "stock_snapshots"): Layout(GERMAN, GERMAN_STOCK),
        ("wms", "capacity"): Layout(GERMAN, GERMAN_CAPACITY),
        ("erp", "purchase_orders"): _names("purchase_orders"),
        ("erp", "suppliers"): _names("suppliers"),
        ("lender", "advances"): _names("advances"),
        ("lender", "repayments"): _names("repayments"),
    }
)
