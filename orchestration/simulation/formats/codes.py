"""Code lists of the sources: how customs, carriers and Chinese shops write what the contracts call by one name.

Belongs here: one code per canonical value, so that nothing is lost on the way. Does not: reading them, which
the mappings do (they know further spellings). A value without a code is written as it is.
"""

from collections.abc import Mapping
from types import MappingProxyType

Codes = Mapping[str, str]


def _codes(**codes: str) -> Codes:
    return MappingProxyType(codes)


# Customs numeric tables (JGS-20): 142 and 601 stand in domain.md a1; those that we have no list for come in letters.
CUSTOMS_CURRENCIES = _codes(
    CNY="142", USD="502", EUR="300", GBP="303", JPY="116", KRW="133", AUD="601", CAD="501", HKD="110"
)
CUSTOMS_COUNTRIES = _codes(
    CN="142", US="502", GB="303", DE="304", FR="305", ES="312", IT="307", JP="116", KR="133", AU="601", BR="410",
    MX="429", SA="131", CA="501", HK="110",
)  # fmt: skip
CUSTOMS_TRANSPORT = _codes(sea="2", rail="3", road="4", air="5", post="6")
CUSTOMS_CHANGES = _codes(new="1", change="2", delete="3")
CUSTOMS_FLOWS = _codes(**{"import": "I", "export": "E"})
CUSTOMS_DOCUMENTS = _codes(list="QD", declaration="BGD", summary="HZ")
# The first two digits of a Chinese region (GB/T 2260) by its ISO 3166-2 letters.
REGIONS = _codes(
    **{
        f"CN-{letters}": f"{digits}0000"
        for letters, digits in (
            ("BJ", 11), ("TJ", 12), ("HE", 13), ("SX", 14), ("NM", 15), ("LN", 21), ("JL", 22), ("HL", 23), ("SH", 31),
            ("JS", 32), ("ZJ", 33), ("AH", 34), ("FJ", 35), ("JX", 36), ("SD", 37), ("HA", 41), ("HB", 42), ("HN", 43),
            ("GD", 44), ("GX", 45), ("HI", 46), ("CQ", 50), ("SC", 51), ("GZ", 52), ("YN", 53), ("XZ", 54), ("SN", 61),
            ("GS", 62), ("QH", 63), ("NX", 64), ("XJ", 65),
        )
    }
)  # fmt: skip
SIGNED = _codes(delivered="S")
# UPU EDI events where there is one, else the words of aggregators (domain.md a4).
TRACKING_EVENTS = _codes(
    created="pending", handed_over="EMA", export_cleared="EXC", departed="EMC", arrived="EMD", customs_held="EME",
    import_cleared="EDC", out_for_delivery="pickup", attempt_failed="EMH", delivered="EMI", returning="exception010",
    returned="exception011", lost="lost", expired="expired",
)  # fmt: skip

CHINESE_CURRENCIES = _codes(
    CNY="人民币", USD="美元", EUR="欧元", GBP="英镑", JPY="日元", KRW="韩元", AUD="澳元", BRL="雷亚尔",
    MXN="墨西哥比索", SAR="沙特里亚尔", CAD="加元",
)  # fmt: skip
CHINESE_COUNTRIES = _codes(
    CN="中国", US="美国", GB="英国", DE="德国", FR="法国", JP="日本", KR="韩国", ES="西班牙", AU="澳大利亚", BR="巴西",
    MX="墨西哥", SA="沙特阿拉伯",
)  # fmt: skip
CHINESE_SCREENS = _codes(phone="手机", tablet="平板", desktop="电脑", television="电视")
CHINESE_CHANGES = _codes(new="新增", change="变更", delete="删除")
CHINESE_KINDS = _codes(product="商品", service="服务", voucher="优惠券", adjustment="调整")
CHINESE_LEGS = _codes(sale="销售", cancellation="取消", adjustment="调整", **{"return": "退货"})
CHINESE_CLAIMS = _codes(
    eligible="可申报",
    claimed="已申报",
    accepted="已受理",
    queried="疑点",
    paid="已退税",
    refused="不予退税",
    clawed_back="已追缴",
)
CHINESE_RECEIPTS = _codes(platform_payout="平台结算", direct="直接收汇", advance_payment="预收货款", other="其他")
