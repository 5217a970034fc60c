"""Messages of China's electronic port (CEB): which element says which field.

Element names are those of the standard, its misspellings included (acturalPaid, consigneeDitrict); sources in domain.md
a1. A message says `=text` where the element is always the same. What the standard has no element for stands in the
message's ExtendMessage, which the standard keeps for it, or as a further element of a list.

Belongs here: the elements in their order. Does not: writing (see `ceb_files.py`) and routes (see `writing.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.formats.codes import (
    CUSTOMS_CHANGES,
    CUSTOMS_COUNTRIES,
    CUSTOMS_CURRENCIES,
    CUSTOMS_DOCUMENTS,
    CUSTOMS_FLOWS,
    CUSTOMS_TRANSPORT,
    REGIONS,
    SIGNED,
    Codes,
)
from orchestration.simulation.formats.layouts import camel

CODES: Mapping[str, Codes] = MappingProxyType(
    {
        "currency_code": CUSTOMS_CURRENCIES,
        "ship_to_country": CUSTOMS_COUNTRIES,
        "payer_country": CUSTOMS_COUNTRIES,
        "destination_country": CUSTOMS_COUNTRIES,
        "departure_country": CUSTOMS_COUNTRIES,
        "declaring_country": CUSTOMS_COUNTRIES,
        "market_country": CUSTOMS_COUNTRIES,
        "origin_country": CUSTOMS_COUNTRIES,
        "change_type": CUSTOMS_CHANGES,
        "transport_mode": CUSTOMS_TRANSPORT,
        "flow": CUSTOMS_FLOWS,
        "document_kind": CUSTOMS_DOCUMENTS,
        "subdivision_code": REGIONS,
        "event_code": SIGNED,
    }
)
ENVELOPE = "guid=@guid appType=change_type appTime=updated_at appStatus==2"
BUYER = "buyerName=buyer_name buyerIdType==1 buyerIdNumber=buyer_id_no"


@dataclass(frozen=True)
class Ceb:
    """One kind of message: its record, the feed of its head, and the feed of its list where it has one.

    head, lines: an element per word, `element=field` or `element==constant`; the head's element is empty where the
    record itself holds them.
    """

    code: str
    record: str
    head_element: str
    feed: str
    head: str
    list_element: str = ""
    list_feed: str = ""
    lines: str = ""

    @property
    def root(self) -> str:
        """The name of the message."""
        return f"CEB{self.code}Message"

    @property
    def document(self) -> tuple[str, ...]:
        """The fields that tell which head a line belongs to."""
        return contracts()[self.feed].document

    @property
    def head_elements(self) -> list[tuple[str, str]]:
        """The elements of the head with what they say."""
        return _elements(self.head)

    @property
    def line_elements(self) -> list[tuple[str, str]]:
        """The elements of a line with what they say; further fields stand behind the standard's."""
        named = _elements(self.lines)
        known = {field for _, field in named} | set(contracts()[self.list_feed].document)
        return named + [(camel(name), name) for name in contracts()[self.list_feed].field_names if name not in known]

    @property
    def extended(self) -> list[tuple[str, str]]:
        """The head's fields that stand in the ExtendMessage."""
        known = {field for _, field in self.head_elements}
        return [(camel(name), name) for name in contracts()[self.feed].field_names if name not in known]


def _elements(words: str) -> list[tuple[str, str]]:
    return [(word.split("=", 1)[0], word.split("=", 1)[1]) for word in words.split()]


def _order(code: str, kind: str, taxes: str) -> Ceb:
    head = (
        f"{ENVELOPE} orderType=={kind} orderNo=order_no ebpCode=platform_code ebpName==TradeWorld "
        f"ebcCode=merchant_uscc ebcName=seller_id goodsValue=goods_amount freight=freight_amount "
        f"discount=discount_amount {taxes} "
        f"currency=currency_code buyerRegNo=customer_id {BUYER} consignee=consignee_name "
        f"consigneeTelephone=consignee_phone consigneeAddress=consignee_address "
        "consigneeDitrict=subdivision_code note=note"
    )
    lines = (
        "gnum=line_no itemNo=product_id itemName=product_name unit==007 qty=quantity price=unit_price_amount "
        "totalPrice=line_amount currency=currency_code"
    )
    return Ceb(code, "Order", "OrderHead", "orders", head, "OrderList", "order_lines", lines)


def _list(code: str, head: str) -> Ceb:
    lines = (
        "gnum=line_no itemNo=product_id gcode=hs_code gname=product_name country=origin_country currency=currency_code "
        "qty=quantity qty1=legal_quantity_1 qty2=legal_quantity_2 unit=unit_code unit1=legal_unit_1_code "
        "unit2=legal_unit_2_code price=unit_price_amount totalPrice=line_value_amount"
    )
    return Ceb(code, "Inventory", "InventoryHead", "declarations", head, "InventoryList", "declaration_lines", lines)


_LIST_START = (
    f"{ENVELOPE} customsCode=customs_office_code orderNo=order_no ebpCode=platform_code ebcCode=merchant_uscc "
    "ebcName=seller_id logisticsNo=waybill_no copNo=internal_no preNo=pre_entry_no invtNo=declaration_no ieFlag=flow "
    "declTime=declared_at agentCode=declarant_id emsNo=books_no tradeMode=supervision_mode trafMode=transport_mode "
)
_LIST_END = "freight=freight_amount insuredFee=insurance_amount currency=currency_code packNo==1 "
_LIST_END += "grossWeight=gross_mass_kg netWeight=net_mass_kg"
_WAYBILL = (
    f"{ENVELOPE} logisticsCode=carrier_code logisticsNo=waybill_no orderNo=order_no freight=freight_amount "
    "insuredFee=insurance_amount currency=currency_code weight=gross_weight_kg packNo=package_count "
    "consignee=consignee_name consigneeAddress=consignee_address consigneeTelephone=consignee_phone"
)
# The standard says the goods of a waybill in one text; a list keeps them apart.
_GOODS = "gnum=line_no itemNo=product_id itemName=product_name qty=quantity totalPrice=line_value_amount"
_RECEIPT = (
    "guid=@guid customsCode==0000 invtNo=declaration_no returnStatus=status_code returnTime=received_at returnInfo=note"
)

MESSAGES: Mapping[str, Ceb] = MappingProxyType(
    {
        message.code: message
        for message in (
            _order("303", "E", ""),
            _order("311", "I", "taxTotal=tax_amount acturalPaid=payable_amount"),
            Ceb(
                "403",
                "Receipts",
                "",
                "payments",
                f"{ENVELOPE} orderNo=order_no payCode=pay_firm_code payName=method_code payNo=payment_no charge=amount "
                "currency=currency_code accountingDate=paid_at",
            ),
            Ceb(
                "411",
                "Payment",
                "PaymentHead",
                "payments",
                f"{ENVELOPE} payCode=pay_firm_code payName=method_code payTransactionId=payment_no orderNo=order_no "
                "payerIdType==1 payerIdNumber=payer_id_no payerName=payer_name amountPaid=amount "
                "currency=currency_code payTime=paid_at",
            ),
            Ceb("505", "Logistics", "", "shipments", _WAYBILL, "GoodsList", "shipment_lines", _GOODS),
            Ceb("511", "Logistics", "LogisticsHead", "shipments", _WAYBILL, "GoodsList", "shipment_lines", _GOODS),
            Ceb(
                "513",
                "LogisticsStatus",
                "",
                "tracking_events",
                f"{ENVELOPE} logisticsCode=carrier_code logisticsNo=waybill_no logisticsStatus=event_code "
                "logisticsTime=event_at",
            ),
            _list("603", f"{_LIST_START} country=destination_country {_LIST_END}"),
            _list("621", f"{_LIST_START} {BUYER} country=departure_country {_LIST_END}"),
            Ceb("604", "InventoryReturn", "", "declaration_receipts", _RECEIPT),
            Ceb("622", "InventoryReturn", "", "declaration_receipts", _RECEIPT),
        )
    }
)
