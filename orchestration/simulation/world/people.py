"""Names, addresses and numbers of the world's people: all invented, all from the customer's number.

Belongs here: the words of each market and the columns made of them. Does not: which feed has them.
"""

from functools import cache

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.codes import resident_ids
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.customers import CustomerTraits
from orchestration.simulation.world.market_parameters import CHINESE_REGIONS, MarketSpec
from orchestration.simulation.world.randomness import Integers, hashed, hashed_below, salt, stream
from orchestration.simulation.world.texts import digits, hexadecimal, joined, strings, words

_GIVEN = {
    "US": "James Mary Robert Linda Michael Susan David Karen William Lisa Emma Liam Olivia Noah Ava Ethan",
    "DE": "Lukas Anna Jonas Lena Felix Marie Paul Sophie Karl Hannah Stefan Ulrike Jürgen Sabine Björn Käthe",
    "FR": "Camille Louis Chloé Hugo Léa Jules Manon Théo Inès Lucas Élodie Nathan Zoé Noémie Adrien Margaux",
    "ES": "Sofía Mateo Lucía Diego Valentina José María Carlos Camila Luis Ana Andrés Elena Juan Íñigo Paula",
    "BR": "João Maria Pedro Ana Lucas Julia Gabriel Beatriz Rafael Larissa Mateus Camila Thiago Luíza Bruno Débora",
    "JP": "翔太 美咲 健太 さくら 大輔 陽菜 拓也 結衣 直樹 愛 誠 葵 浩 凛 学 恵",
    "KR": "민준 서연 지훈 지우 현우 수빈 도윤 하은 준서 예은 시우 채원 건우 소율 우진 다은",
    "SA": "Mohammed Fatimah Abdullah Noura Khalid Sarah Faisal Reem Omar Hessa Sultan Maha Yousef Lama Turki Amal",
    "CN": "伟 芳 娜 敏 静 强 磊 洋 艳 勇 军 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 子涵 欣怡 浩然 雨桐 梓轩 一诺 思远",
}  # fmt: skip
_FAMILY = {
    "US": "Smith Johnson Williams Brown Jones Garcia Miller Davis Wilson Anderson Taylor Moore Jackson Lee Clark Lewis",
    "DE": "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Groß Jäger Vogel Kühn",
    "FR": "Martin Bernard Dubois Thomas Robert Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia Roux Noël",
    "ES": "García Rodríguez Martínez Hernández López González Pérez Sánchez Ramírez Torres Díaz Núñez Muñoz Gil",
    "BR": "Silva Santos Oliveira Souza Lima Pereira Ferreira Costa Rodrigues Almeida Araújo Gonçalves Melo Rocha",
    "JP": "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 松本 井上 木村",
    "KR": "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황",
    "SA": "Al-Otaibi Al-Harbi Al-Qahtani Al-Ghamdi Al-Zahrani Al-Shehri Al-Dosari Al-Mutairi Al-Shammari Al-Anazi",
    "CN": "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 高 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹",
}  # fmt: skip
_STREETS = {
    "US": "Main St|Oak Ave|Maple Dr|Cedar Ln|Washington Blvd|Lakeview Rd|2nd St|Park Ave",
    "GB": "High Street|Station Road|Church Lane|Victoria Road|Mill Lane|Queens Road|Park Avenue|The Green",
    "DE": "Hauptstraße|Bahnhofstraße|Gartenweg|Schulstraße|Lindenallee|Bergstraße|Kirchgasse|Am Markt",
    "FR": "rue de la République|avenue Victor Hugo|rue des Lilas|boulevard Voltaire|place du Marché|rue Pasteur",
    "ES": "Calle Mayor|Avenida de la Constitución|Calle Real|Paseo del Prado|Calle Nueva|Plaza España",
    "JP": "本町|中央|桜ヶ丘|緑町|旭町|栄町", "KR": "중앙로|한강대로|세종대로|강변로|시청로|학동로",
    "AU": "George Street|Victoria Street|Albert Road|Beach Road|King Street|Elizabeth Street",
    "BR": "Rua das Flores|Avenida Brasil|Rua São José|Avenida Paulista|Rua Quinze de Novembro|Travessa da Paz",
    "MX": "Avenida Juárez|Calle Hidalgo|Avenida Reforma|Calle Morelos|Calle Allende|Avenida Insurgentes",
    "SA": "King Fahd Road|Olaya Street|Prince Sultan Road|Tahlia Street|Al Madinah Road|Airport Road",
    "CN": "人民路|解放路|中山路|建设路|新华路|文化路|和平路|朝阳街",
}  # fmt: skip
_SAME_WORDS = {"GB": "US", "AU": "US", "MX": "ES"}
_FAMILY_FIRST = ("CN", "JP", "KR")
_POSTCODES = 2048
_POSTCODE_DIGITS = np.frombuffer(b"123456789", dtype=np.uint8)
_POSTCODE_LETTERS = np.frombuffer(b"ABCDEFGHJKLMNPRSTUWY", dtype=np.uint8)
_HOUSES = 240


@cache
def _names(market: str) -> pa.StringArray:
    key = _SAME_WORDS.get(market, market)
    given, family = _GIVEN[key].split(), _FAMILY[key].split()
    if market in _FAMILY_FIRST:
        gap = " " if market == "JP" else ""
        return pa.array([f"{second}{gap}{first}" for second in family for first in given])
    return pa.array([f"{first} {second}" for second in family for first in given])


@cache
def _addresses(market: str) -> pa.StringArray:
    streets = _STREETS[market].split("|")
    if market in ("US", "GB", "AU", "FR"):
        return pa.array([f"{house} {street}" for street in streets for house in range(1, _HOUSES + 1)])
    if market in ("CN", "JP"):
        return pa.array([f"{street}{house}号" for street in streets for house in range(1, _HOUSES + 1)])
    return pa.array([f"{street} {house}" for street in streets for house in range(1, _HOUSES + 1)])


@cache
def _postcodes(config: WorldConfig, market: str, pattern: str) -> pa.StringArray:
    rng = stream(config, "postcodes", market)
    draw = rng.integers(0, 180, (_POSTCODES, len(pattern)))
    columns = [
        _POSTCODE_DIGITS[draw[:, place] % 9]
        if sign == "9"
        else _POSTCODE_LETTERS[draw[:, place] % 20]
        if sign == "A"
        else np.full(_POSTCODES, ord(sign), dtype=np.uint8)
        for place, sign in enumerate(pattern)
    ]
    return strings(np.unique(np.stack(columns, axis=1), axis=0))


def names_of(config: WorldConfig, market: str, numbers: Integers) -> pa.DictionaryArray:
    """Name of each customer in the market's script."""
    vocabulary = _names(market)
    return words(hashed_below(numbers, salt(config, "name"), len(vocabulary)), vocabulary)


def addresses_of(config: WorldConfig, market: str, numbers: Integers) -> pa.DictionaryArray:
    """Street and house of each customer."""
    vocabulary = _addresses(market)
    return words(hashed_below(numbers, salt(config, "address"), len(vocabulary)), vocabulary)


def postcodes_of(config: WorldConfig, spec: MarketSpec, numbers: Integers) -> pa.DictionaryArray:
    """Postal code of each customer, in the form of the market."""
    vocabulary = _postcodes(config, spec.code, spec.postcode)
    return words(hashed_below(numbers, salt(config, "address"), len(vocabulary)), vocabulary)


def phones_of(config: WorldConfig, spec: MarketSpec, numbers: Integers) -> pa.StringArray:
    """Telephone number of each customer."""
    bits = (hashed(numbers, salt(config, "phone")) >> np.uint64(20)).astype(np.int64)
    first = "1" if spec.code == "CN" else "7"
    return strings(joined(len(numbers), spec.dial, first, digits(bits, 10 if spec.code == "CN" else 9)))


def emails_of(config: WorldConfig, numbers: Integers, is_given: np.ndarray | None = None) -> pa.StringArray:
    """Mail address of each customer; null where it is not given."""
    matrix = hexadecimal(hashed(numbers, salt(config, "email")), 12)
    return strings(joined(len(numbers), matrix, "@mail.example"), is_given)


def devices_of(config: WorldConfig, numbers: Integers, second: np.ndarray) -> pa.StringArray:
    """Device of each customer: the first or the second one."""
    bits = hashed(numbers * 2 + second, salt(config, "device"))
    return strings(joined(len(numbers), "d", hexadecimal(bits, 15)))


def resident_ids_of(config: WorldConfig, spec: MarketSpec, numbers: Integers, traits: CustomerTraits) -> pa.StringArray:
    """Resident id of each buyer in China: region, date of birth, and a sequence number that tells the sex."""
    regions = np.array([CHINESE_REGIONS[region] for region, _ in spec.regions])
    bits = hashed(numbers, salt(config, "resident id"))
    day = (bits % np.uint64(28)).astype(np.int64) + 1
    month = ((bits >> np.uint64(8)) % np.uint64(12)).astype(np.int64) + 1
    sequence = ((bits >> np.uint64(16)) % np.uint64(499)).astype(np.int64) * 2 + (traits.gender == 1)
    birth = traits.birth_year.astype(np.int64) * 10_000 + month * 100 + day
    return resident_ids(regions[traits.subdivision], birth, sequence)
