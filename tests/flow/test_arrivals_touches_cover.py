"""Touches are complete: who rebuilds only what was touched, sees what a full rebuild would show.

A small world of orders, lines and shipments is told in random batches, with corrections that move orders, lines that
come first, shipments that change their orders, and duplicates. A model of staging and marts rebuilds the touched
places only, and is compared with all rows after every batch.
"""

import random
from collections import defaultdict

import pytest

from tests.arrivals_helpers import LINES, ORDERS, SHIPMENTS, Room

HEADS = {
    "orders": "order_no,ordered_at,country,version\n",
    "lines": "order_no,line_no,product_id,quantity,price\n",
    "shipments": "waybill_no,shipped_at,country,order_no,key_month,version\n",
}
FEED_OF = {"orders": "orders", "lines": "order_lines", "shipments": "shipments"}

STATE = """
with latest_placement as (
    select feed, document_key, arg_max({'market': market, 'month': month}, _batch_id) as place
    from placements group by all
),
rows as (
    select 'orders' as feed, _document_key, _record_key, _order_key, order_no as links, _market, _month,
        _version, _event_at, _content_hash, _file || _row as origin from orders
    union all select 'order_lines', _document_key, _record_key, _order_key, null, _market, _month,
        _version, _event_at, _content_hash, _file || _row from order_lines
    union all select 'shipments', _document_key, _record_key, _order_key, order_no, _market, _month,
        _version, _event_at, _content_hash, _file || _row from shipments
)
select r.feed, r._document_key, r._record_key, r.links, coalesce(p.place.market, r._market),
    coalesce(p.place.month, r._month), r.origin,
    row_number() over (partition by r.feed, r._record_key
        order by _version desc, _event_at desc, _content_hash desc, r.origin) = 1 as survives,
    r._content_hash
from rows as r
left join latest_placement as p on p.feed = r.feed and p.document_key = r._document_key
"""


def full_state(room):
    """Staging by (feed, place) and marts by place, from all rows."""
    found = room.query(STATE)
    staging, marts = defaultdict(set), defaultdict(set)
    order_places, order_of = {}, {}
    for feed, document, _, links, market, month, origin, survives, _ in found:
        staging[feed, market, month].add((origin, survives))
        if feed == "orders" and survives:
            order_places[document] = (market, month)
            order_of[links] = document
    for feed, document, record, links, market, month, _, survives, content in found:
        if not survives:
            continue
        orders = [document] if feed != "shipments" else [order_of.get(no) for no in (links or "").split(";")]
        known = {order_places[order] for order in orders if order in order_places}
        for place in known or {(market, month)}:
            marts[place].add((feed, record, content, bool(known)))
    return dict(staging), dict(marts)


def rebuilt(published, full, places):
    for place in places:
        published.pop(place, None)
        if place in full:
            published[place] = full[place]


def drawn_row(draw, kind):
    day = f"2026-{draw.randint(1, 3):02}-10"
    country, version = draw.choice(["DE", "FR", "Atlantis"]), draw.randint(1, 4)
    order = f"A{draw.randint(1, 4)}"
    if kind == "orders":
        return f"{order},{day},{country},{version}\n"
    if kind == "lines":
        return f"{order},{draw.randint(1, 2)},p,{draw.randint(1, 2)},2\n"
    linked = ";".join(sorted({f"A{draw.randint(1, 4)}" for _ in range(draw.randint(0, 2))}))
    return f"W{draw.randint(1, 3)},{day},{country},{linked},2026-01,{version}\n"


@pytest.mark.parametrize("seed", range(2))
def test_what_is_touched_is_all_that_changes(tmp_path, seed):
    draw = random.Random(seed)
    room = Room(tmp_path)
    for number, mapping in enumerate((ORDERS, LINES, SHIPMENTS)):
        room.mapping(mapping, f"{number}.yaml")
    staging, marts = {}, {}
    for batch in range(8):
        for kind in draw.sample(sorted(HEADS), draw.randint(1, 2)):
            rows = "".join(drawn_row(draw, kind) for _ in range(draw.randint(1, 4)))
            room.drop(f"{kind}_{batch}.csv", HEADS[kind] + rows)
        report = room.arrive()
        touches = room.touches(report.batch_id)
        full_staging, full_marts = full_state(room)
        rebuilt(staging, full_staging, [(t.feed, t.market, t.month) for t in touches if t.layer == "staging"])
        rebuilt(marts, full_marts, [(t.market, t.month) for t in touches if t.layer == "marts"])
        assert staging == full_staging, f"batch {batch}"
        assert marts == full_marts, f"batch {batch}"
