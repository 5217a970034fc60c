"""Other names and broken numbers: aliases of currencies and countries, old HS codes, wrong check digits.

Belongs here: pure text to text. Does not: choosing records (see `values.py`).
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# What sources customarily write for a currency; each names exactly one.
CURRENCY_ALIASES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "CNY": ("RMB", "CNH", "人民币"),
        "USD": ("US$", "USD$"),
        "GBP": ("UKP", "STG"),
        "EUR": ("EURO", "€"),
        "JPY": ("YEN", "日元"),
        "KRW": ("WON", "₩"),
        "AUD": ("A$", "AU$"),
        "BRL": ("R$",),
        "MXN": ("MXP", "MX$"),
        "SAR": ("SR",),
    }
)
# What several currencies share.
AMBIGUOUS_SIGNS = ("$", "¥", "￥", "kr")
COUNTRY_ALIASES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "GB": ("UK", "U.K.", "Great Britain"),
        "US": ("USA", "U.S.A.", "U.S."),
        "SA": ("KSA",),
        "CN": ("PRC", "Mainland China"),
        "GR": ("EL",),
    }
)
NO_COUNTRIES = ("Channel Islands", "European Community", "Unspecified")
NULL_TOKENS = ("NULL", "-", "无", "N/A")

# Correlation tables of the World Customs Organization: codes that were deleted, by the code that took their goods over.
# One successor (HS 2002 to 2007, 2007 to 2012):
HS_OLD_OF_NEW: Mapping[str, str] = MappingProxyType({"950300": "950341", "961900": "481840"})
# Several successors (HS 2017 to 2022):
HS_OLD_UNCLEAR_OF_NEW: Mapping[str, str] = MappingProxyType(
    {"851713": "851712", "851779": "851770", "940521": "940520"}
)

S10 = re.compile(r"([A-Z]{2})(\d{8})(\d)([A-Z]{2})")
S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
USCC_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PLAIN_TO_FULL_WIDTH = {n: n + 0xFEE0 for n in range(0x21, 0x7F)}
TO_TRADITIONAL = str.maketrans(
    "国华东龙马张陈刘杨黄吴孙赵郑冯韩邓许苏叶卢钟谭陆贾韦邹阎万钱汤贺赖龚庞兰严毕",
    "國華東龍馬張陳劉楊黃吳孫趙鄭馮韓鄧許蘇葉盧鍾譚陸賈韋鄒閻萬錢湯賀賴龔龐蘭嚴畢",
)
TO_ACCENTED = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")


def s10_check_digit(serial: str) -> str:
    """The check digit of the eight digits of a postal number (S10)."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(serial, S10_WEIGHTS, strict=True)) % 11
    return str({10: 0, 11: 5}.get(rest, rest))


def with_wrong_digit(text: str) -> str:
    """A number whose last character, its check digit, is another digit than it was."""
    last = text[-1]
    return text[:-1] + (str((int(last) + 1) % 10) if last.isdigit() else "0" if last != "0" else "1")


def with_wrong_character(uscc: str) -> str:
    """A social credit code whose check character is the next one of its alphabet."""
    position = USCC_CHARACTERS.find(uscc[-1])
    return uscc[:-1] + USCC_CHARACTERS[(position + 1) % len(USCC_CHARACTERS)]


def with_wrong_postal_digit(number: str) -> str:
    """A postal number (S10) whose ninth digit is wrong; any other number as it is."""
    found = S10.fullmatch(number)
    if found is None:
        return number
    head, serial, digit, country = found.groups()
    return f"{head}{serial}{(int(digit) + 1) % 10}{country}"


def second_number(number: str) -> str:
    """A waybill number of its own beside another: a valid postal number beside a postal one."""
    found = S10.fullmatch(number)
    if found is None:
        return f"{number}S"
    head, serial, _, country = found.groups()
    other = f"{(int(serial) + 50_000_000) % 100_000_000:08d}"
    return f"{head}{other}{s10_check_digit(other)}{country}"


def with_other_script(name: str) -> str:
    """A name in traditional characters, or with an accent on its first vowel."""
    traditional = name.translate(TO_TRADITIONAL)
    if traditional != name:
        return traditional
    found = re.search("[aeiouAEIOU]", name)
    return name if found is None else name[: found.start()] + found[0].translate(TO_ACCENTED) + name[found.end() :]
