"""Markets: the countries that goods are sold into, as `markets.yaml` lists them, checked on load.

Belongs here: reading and checking the list, the spellings that name a market, the guard of its order.
Does not: Dagster's partitions (made from `Markets.codes` where jobs are defined) and rules of a market (dated seeds).
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.settings import PROJECT_ROOT

PSEUDO_MARKET = "ZZ"
ALIAS_RULE = "market.alias"
SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


class MarketsError(ValueError):
    """The list of markets breaks a rule; the message has one line per problem, with file, line and entry."""


def fold(text: str) -> str:
    """The text as spellings are compared: NFKC, without outer or doubled white space, casefolded."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _check_code(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise ValueError(f"code {code!r} is not two capital letters")
    if code != PSEUDO_MARKET and code not in _seed_codes("iso_country.csv"):
        raise ValueError(f"code {code!r} is no country of ISO 3166-1 (dbt_project/seeds/iso_country.csv)")
    return code


def _check_spelling(text: str) -> str:
    if not text.strip():
        raise ValueError("a spelling must not be empty")
    return text


def _check_currency(code: str) -> str:
    if code not in _seed_codes("currency.csv"):
        raise ValueError(f"unknown currency {code!r}, not an active ISO 4217 code (dbt_project/seeds/currency.csv)")
    return code


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of the database, such as "Europe": OSError
        raise ValueError(f"unknown time zone {name!r}, not an IANA name such as Europe/Lisbon") from None
    return name


def _check_calendar(code: str) -> str:
    if code not in _holiday_calendars():
        raise ValueError(f"unknown holiday calendar {code!r}, not a country code of the package holidays")
    return code


Spelling = Annotated[str, AfterValidator(_check_spelling)]


class Market(BaseModel):
    """One market: a country where buyers receive goods, or `ZZ`, where the rows without a known country wait."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, AfterValidator(_check_code)]
    name: Spelling
    names: tuple[Spelling, ...] = ()
    aliases: tuple[Spelling, ...] = ()
    currency_code: Annotated[str, AfterValidator(_check_currency)] | None = Field(alias="currency")
    time_zone: Annotated[str, AfterValidator(_check_time_zone)]
    world_region: Spelling | None = Field(alias="region")
    holiday_calendar: Annotated[str, AfterValidator(_check_calendar)] | None
    no_calendar_because: Spelling | None = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.holiday_calendar is None) == (self.no_calendar_because is None):
            raise ValueError("give a holiday_calendar, or null and the reason in no_calendar_because, not both")
        if self.is_pseudo and (self.names or self.aliases):
            raise ValueError(f"{PSEUDO_MARKET} has no spellings: no text may be repaired to an unknown country")
        if not self.is_pseudo and (self.currency_code is None or self.world_region is None):
            raise ValueError(f"currency and region are required; only {PSEUDO_MARKET} has none")
        return self

    @property
    def is_pseudo(self) -> bool:
        """Whether this is `ZZ`, which is no country."""
        return self.code == PSEUDO_MARKET

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which this market's days and months are counted."""
        return ZoneInfo(self.time_zone)

    def spellings(self) -> Iterator[tuple[str, str]]:
        """Each spelling that names this market, with the rule of the repair that its use is ("" for none)."""
        yield from ((text, "") for text in (self.code, self.name, *self.names))
        yield from ((text, ALIAS_RULE) for text in self.aliases)


class MarketRow(NamedTuple):
    """One row of `dim_market`; `position` is the market's place in the append-only list, `ZZ` at 0."""

    market: str
    market_name: str
    currency_code: str | None
    time_zone: str
    world_region: str | None
    holiday_calendar: str | None
    position: int


@dataclass(frozen=True)
class Markets:
    """The checked list of markets, in the order of the file."""

    entries: tuple[Market, ...]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Every code in the order of the file, which is the order of the partitions; `ZZ` comes first."""
        return tuple(market.code for market in self.entries)

    @cached_property
    def _by_code(self) -> dict[str, Market]:
        return {market.code: market for market in self.entries}

    @cached_property
    def _by_spelling(self) -> dict[str, tuple[str, str]]:
        return {spelling: (code, rule) for spelling, code, rule in self.names()}

    def get(self, code: str) -> Market:
        """The market with this code; raises `MarketsError` with the known codes when there is none."""
        try:
            return self._by_code[code]
        except KeyError:
            raise MarketsError(f"unknown market {code!r}; known: {', '.join(self.codes)}") from None

    def names(self) -> list[tuple[str, str, str]]:
        """(folded spelling, code, rule) for each spelling of each country; the rule is "" unless it is an alias.

        `ZZ` has no spelling: text that says "ZZ" is as unknown as any other.
        """
        countries = (market for market in self.entries if not market.is_pseudo)
        return [(fold(text), market.code, rule) for market in countries for text, rule in market.spellings()]

    def resolve(self, text: str) -> tuple[str, str] | None:
        """(code, rule) of the country that the text names, in any case and width; None when it names none."""
        return self._by_spelling.get(fold(text))

    def rows(self) -> list[MarketRow]:
        """The rows of `dim_market`, one per market in the order of the file."""
        return [
            MarketRow(m.code, m.name, m.currency_code, m.time_zone, m.world_region, m.holiday_calendar, position)
            for position, m in enumerate(self.entries)
        ]


def load_markets(path: Path) -> Markets:
    """The markets of a file; raises `MarketsError` that names line and entry of every problem at once."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MarketsError(f"{path.name}: not UTF-8 text at byte {error.start}") from None
    return parse_markets(text, origin=path.name)


def parse_markets(text: str, *, origin: str) -> Markets:
    """The markets of YAML text; `origin` names it in messages (a file, or a file of a git revision)."""
    try:
        # Nodes instead of values: they know their line, and Norway's code stays NO instead of becoming false.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MarketsError(f"{origin}:{line}: not readable as YAML: {error.problem}") from None
    if not isinstance(root, yaml.SequenceNode) or not root.value:
        raise MarketsError(f"{origin}:1: must be a list of markets, one entry per market")
    problems: list[str] = []
    owners: dict[str, str] = {}
    entries: list[Market] = []
    for node in root.value:
        market = _read_entry(node, origin, problems)
        if market is None:
            continue
        line = node.start_mark.line + 1
        for spelling, _ in market.spellings():
            if owner := owners.get(fold(spelling)):
                problems.append(f"{origin}:{line}: market {market.code!r}: {spelling!r} already names {owner}")
            else:
                owners[fold(spelling)] = f"market {market.code!r} (line {line})"
        entries.append(market)
    if not problems and entries[0].code != PSEUDO_MARKET:
        problems.append(f"{origin}:1: market {entries[0].code!r}: the first entry must be {PSEUDO_MARKET}")
    if problems:
        raise MarketsError("\n".join(problems))
    return Markets(tuple(entries))


def check_append_only(previous: Sequence[str], current: Sequence[str]) -> None:
    """Pass when `current` is `previous` with markets added at its end; else raise `MarketsError` for the first change.

    Dagster stores a range of partitions by position, so any other change alters what a stored range meant.
    """
    for position, code in enumerate(previous):
        if position < len(current) and current[position] == code:
            continue
        if code not in current:
            change = f"market {code!r} was removed from position {position}"
        elif current[position] not in previous:
            change = f"market {current[position]!r} was inserted at position {position}, before {code!r}"
        else:
            change = f"market {code!r} was moved from position {position} to {list(current).index(code)}"
        raise MarketsError(f"the list of markets is append-only: {change}; add new markets at the end, leave the rest")


def _read_entry(node: yaml.Node, origin: str, problems: list[str]) -> Market | None:
    """One entry checked by itself; None after its problems were added to the list."""
    start = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        problems.append(f"{origin}:{start}: an entry must be a mapping with the keys {_known_keys()}")
        return None
    lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    values = {str(key.value): _plain(value) for key, value in node.value}
    place = f"market {values.get('code')!r}"
    if len(values) < len(node.value):
        keys = [str(key.value) for key, _ in node.value]
        twice = next(key for position, key in enumerate(keys) if key in keys[:position])
        problems.append(f"{origin}:{lines[twice]}: {place}: key {twice!r} stands twice")
        return None
    try:
        return Market.model_validate(values)
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0]) if detail["loc"] else ""
            words = detail["msg"].removeprefix("Value error, ")
            message = {
                "missing": f"key {key!r} is missing",
                "extra_forbidden": f"unknown key {key!r}; known: {_known_keys()}",
                "string_type": f"{key}: must be text",
                "tuple_type": f"{key}: must be a list of texts",
            }.get(detail["type"], f"{key}: {words}" if key else words)
            problems.append(f"{origin}:{lines.get(key, start)}: {place}: {message}")
        return None


def _plain(node: yaml.Node) -> object:
    """The node as text, list of such, or None for null; a mapping stays a dict, for which no key has a use."""
    if isinstance(node, yaml.SequenceNode):
        return tuple(_plain(item) for item in node.value)
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)


def _known_keys() -> str:
    return ", ".join(field.alias or name for name, field in Market.model_fields.items())


@cache
def _seed_codes(name: str) -> frozenset[str]:
    with (SEEDS / name).open(encoding="utf-8", newline="") as file:
        return frozenset(row["code"] for row in csv.DictReader(file))


@cache
def _holiday_calendars() -> frozenset[str]:
    # Imported here: the package costs a quarter of a second, and only this check needs it.
    from holidays.registry import COUNTRIES

    return frozenset(code for names in COUNTRIES.values() for code in names if len(code) == 2)
