"""The plan of a run: its markets, the market-months that it rebuilds, and the raw state that it reads.

Belongs here: how touches, months and edges become places, fixed once and used by every retry.
Does not: the database in which the plan is carried out (see database.py).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestration.arrivals.contracts import JUDGED_BESIDE_ORDER
from orchestration.lake import PUBLISHED, Lake, Place, Touch
from orchestration.markets import PSEUDO_MARKET
from orchestration.runs.documents import DocumentIndex
from orchestration.runs.feeds import RAW_LEDGERS, market_feeds, reference_feeds
from orchestration.runs.months import MonthSelection, shifted

# A cancellation without a reference looks back 180 days: six calendar months before its own always hold them.
REVERSAL_WINDOW_MONTHS = 6


class NoMarkets(ValueError):
    """A run was started without a market: an empty list is never "no filter"."""


@dataclass(frozen=True)
class RunPlan:
    """What a run covers. Everything that a retry must see again stands here or in the run's database.

    staging_places: market-months whose staging is rebuilt, for every feed.
    mart_places: market-months whose ledger and marts are rebuilt.
    parent_places: market-months of published staging that these marts, and rows judged beside others, read besides.
    is_reference: the run has no market; it rebuilds reference data whole.
    """

    run_id: str
    namespace: str
    markets: tuple[str, ...]
    staging_places: tuple[Place, ...]
    mart_places: tuple[Place, ...]
    parent_places: tuple[Place, ...]
    raw_seq: int
    raw_snapshots: dict[str, int | None]
    touch_ids: tuple[int, ...]
    known_at: datetime | None
    made_at: datetime
    is_reference: bool = False

    @property
    def is_empty(self) -> bool:
        """True when nothing was touched: there is nothing to build and nothing to publish."""
        return not self.is_reference and not self.staging_places and not self.mart_places

    def to_json(self) -> str:
        """The plan as text, for the run's database."""
        return json.dumps(
            {
                "run_id": self.run_id,
                "namespace": self.namespace,
                "markets": self.markets,
                "staging_places": [[place.market, place.month] for place in self.staging_places],
                "mart_places": [[place.market, place.month] for place in self.mart_places],
                "parent_places": [[place.market, place.month] for place in self.parent_places],
                "raw_seq": self.raw_seq,
                "raw_snapshots": self.raw_snapshots,
                "touch_ids": self.touch_ids,
                "known_at": self.known_at.isoformat() if self.known_at else None,
                "made_at": self.made_at.isoformat(),
                "is_reference": self.is_reference,
            }
        )

    @staticmethod
    def from_json(text: str) -> "RunPlan":
        """The plan that `to_json` wrote."""
        saved = json.loads(text)
        for name in ("staging_places", "mart_places", "parent_places"):
            saved[name] = tuple(Place(market, month) for market, month in saved[name])
        saved["markets"] = tuple(saved["markets"])
        saved["touch_ids"] = tuple(saved["touch_ids"])
        saved["known_at"] = datetime.fromisoformat(saved["known_at"]) if saved["known_at"] else None
        saved["made_at"] = datetime.fromisoformat(saved["made_at"])
        return RunPlan(**saved)


def namespace_of(known_at: datetime | None) -> str:
    """Where a run publishes: the published tables, or a namespace of its own for a rebuild as known at a moment."""
    return PUBLISHED if known_at is None else f"known_at_{known_at.astimezone(UTC):%Y%m%dt%H%M%S}z"


def make_plan(
    lake: Lake,
    *,
    run_id: str,
    markets: Sequence[str],
    months: MonthSelection,
    known_at: datetime | None = None,
) -> tuple[RunPlan, DocumentIndex]:
    """Fix what the run covers, and which order each document belongs to (the caller closes the index).

    A rebuild as known at a moment has no touches: without named months it covers all.
    Raises NoMarkets when `markets` is empty.
    """
    if not markets:
        raise NoMarkets(f"run {run_id}: no market was selected")
    raw_seq = lake.raw_seq() if known_at is None else lake.raw_seq_at(known_at)
    made_at = datetime.now(UTC)
    # The past is read from today's snapshots without the batches that came later: maintenance may have expired its own.
    snapshots = lake.raw_snapshots((*market_feeds(), *RAW_LEDGERS), raw_seq if known_at is None else None)
    wanted = tuple(dict.fromkeys(markets))
    if known_at is not None and months.is_touched:
        months = MonthSelection.parse("all")
    touches = lake.pending_touches(wanted, raw_seq, due_by=made_at)
    index = DocumentIndex(lake, snapshots, raw_seq, known_at or made_at)
    overdue = index.places_of_overdue_documents()
    # Of the documents that touch their place by waiting too long, most have their order by then.
    idle = {touch.id for touch in touches if touch.due_at is not None and _place(touch) not in overdue}
    if months.is_touched:
        staging = {_place(touch) for touch in touches if touch.layer == "staging" and touch.id not in idle}
        marts = {_place(touch) for touch in touches if touch.layer == "marts" and touch.id not in idle}
    else:
        staging = {place for place in index.raw_places(wanted) if months.covers(place.month)}
        marts = staging | {place for place in index.order_places(wanted) if months.covers(place.month)}
    parents = marts | index.own_places_of_documents_at(marts) | _months_before(marts)
    # A waybill's number may have been used in the six months before.
    parents |= index.places_of_orders_beside(staging) | _months_before(staging)
    early = _readers_of_unbuilt(lake, index, wanted, staging, parents, raw_seq)
    built = {"staging": staging, "marts": marts}
    covered = [
        touch.id
        for touch in touches
        if known_at is None and (touch.id in idle or (_place(touch) in built[touch.layer] and not early.has(touch)))
    ]
    plan = RunPlan(
        run_id=run_id,
        namespace=namespace_of(known_at),
        markets=wanted,
        staging_places=tuple(sorted(staging)),
        mart_places=tuple(sorted(marts)),
        parent_places=tuple(sorted(parents)),
        raw_seq=raw_seq,
        raw_snapshots=snapshots,
        touch_ids=tuple(sorted(covered)),
        known_at=known_at,
        made_at=made_at,
    )
    return plan, index


def make_reference_plan(lake: Lake, *, run_id: str) -> RunPlan:
    """The plan of a run over what has no market: rates are small and rebuilt whole."""
    raw_seq = lake.raw_seq()
    return RunPlan(
        run_id=run_id,
        namespace=PUBLISHED,
        markets=(),
        staging_places=(),
        mart_places=(),
        parent_places=(),
        raw_seq=raw_seq,
        raw_snapshots=lake.raw_snapshots((*reference_feeds(), *RAW_LEDGERS), raw_seq),
        touch_ids=(),
        known_at=None,
        made_at=datetime.now(UTC),
        is_reference=True,
    )


@dataclass(frozen=True)
class _Early:
    """Places that are built before something that they read; they keep their touches, and are built again after it."""

    staging: Collection[Place]
    marts: Collection[Place]

    def has(self, touch: Touch) -> bool:
        """Whether what was touched is built too early."""
        if touch.layer == "marts":
            return _place(touch) in self.marts
        return touch.feed in JUDGED_BESIDE_ORDER and _place(touch) in self.staging


def _readers_of_unbuilt(
    lake: Lake,
    index: DocumentIndex,
    markets: Collection[str],
    staging: Collection[Place],
    parents: Collection[Place],
    raw_seq: int,
) -> _Early:
    """The places that read staging of another market or month which has changed and is not part of this run."""
    others = {place.market for place in parents} | set(markets)
    pending = lake.pending_touches(others - {PSEUDO_MARKET}, raw_seq)
    changed = {_place(touch) for touch in pending if touch.layer == "staging" and touch.due_at is None}
    unbuilt = changed.difference(staging)
    return _Early(*index.readers_of(unbuilt)) if unbuilt else _Early((), ())


def _place(touch: Touch) -> Place:
    return Place(touch.market, touch.month)


def _months_before(places: Collection[Place]) -> set[Place]:
    backs = range(1, REVERSAL_WINDOW_MONTHS + 1)
    return {Place(place.market, shifted(place.month, -back)) for place in places for back in backs}
