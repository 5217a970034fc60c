"""How suspicious each record looks, for the defects that no single record shows: one score and one rule of thumb each.

Belongs here: statistics over published tables; a higher score is more suspicious. Does not: where to draw the line (see
`defects/suspicion.py`: at one false alarm in a thousand) and rules of contracts.

Every score is a count, a share or the logarithm of a ratio between figures of the trade itself: none holds a constant
of the simulation, but for the factors between units (100, 1000, 2.20462), which are what such a mistake is.
"""

import duckdb
import pyarrow as pa

from orchestration.simulation.defects.suspicion import SUSPICION_SCHEMA

POUNDS = 2.20462
JOURNEY = ("handed_over", "export_cleared", "departed", "arrived", "import_cleared", "out_for_delivery", "delivered")

# An order that was sent or settled was paid. The rule of thumb only asks whether there is a payment.
_MISSING_PAYMENT = """
with

paid as (

    select distinct order_key from stg_payments where payment_type = 'payment'
    union
    select substr(sha256(coalesce(owners.orders_of, source_id) || '|' || (payload ->> '$.order_no')), 1, 32)
    from quarantine
    left join owners using (source_id)
    where feed = 'payments' and payload ->> '$.payment_type' = 'payment'

),

sent as (select distinct order_key from stg_shipments),
settled as (select distinct order_key from stg_settlements where leg_type = 'gross')

select 'missing_payment' as defect_id, 'orders' as feed, orders.source_id, orders.order_key as key,
    case when paid.order_key is null
        then 1.0 + (sent.order_key is not null)::int + (settled.order_key is not null)::int else 0.0 end as score,
    (paid.order_key is null)::int as naive_score
from stg_orders as orders
left join paid using (order_key)
left join sent using (order_key)
left join settled using (order_key)
"""

# A step that nearly every parcel of the carrier to the market tells, and this one does not although a later one did.
_MISSING_EVENT = f"""
with

steps as (

    select unnest({list(JOURNEY)}) as event_code, unnest(range(1, {len(JOURNEY) + 1})) as place

),

told as (

    select distinct shipment_key, event_code, place from stg_tracking_events join steps using (event_code)

),

reached as (

    select shipment_key, max(place) as last_place, count(*) as told_count from told group by shipment_key

),

expected as (

    select shipments.source_id, shipments.shipment_key, shipments.carrier_code, shipments.market, reached.told_count,
        steps.event_code, told.event_code is not null as is_told
    from stg_shipments as shipments
    join reached using (shipment_key)
    join steps on steps.place < reached.last_place
    left join told on told.shipment_key = shipments.shipment_key and told.event_code = steps.event_code

),

usual as (

    select source_id, carrier_code, market, event_code,
        count(*) filter (where is_told) / count(*) as told_share, count(*) as parcels
    from expected
    group by all

)

select 'missing_event' as defect_id, 'shipments' as feed, source_id, shipment_key as key,
    coalesce(
        max(-ln(1 - told_share * parcels / (parcels + 1.0))) filter (where not is_told), 0
    ) as score,
    -any_value(told_count) as naive_score
from expected
join usual using (source_id, carrier_code, market, event_code)
group by source_id, shipment_key
"""

# Quarantine keeps no ratio to the catalogue, but the rule that found it a hundredth or a hundred times.
_MINOR_UNITS = """
with

known as (

    select source_id, order_key as key, currency_code, payable_amount::double as payable_amount,
        abs(log10(price_ratio)) as score
    from stg_orders
    union all
    select source_id, record_key, payload ->> '$.currency_code', try_cast(payload ->> '$.payable_amount' as double),
        case when contains(rule_ids, 'orders.minor_units') then 2.0 else 0.0 end
    from quarantine
    where feed = 'orders' and record_key is not null

),

usual as (select currency_code, median(payable_amount) as middle from known group by currency_code)

select 'minor_units' as defect_id, 'orders' as feed, source_id, key, score,
    -ln(nullif(greatest(payable_amount, 0), 0) / middle) as naive_score
from known
left join usual using (currency_code)
"""

# Staging has repaired the mass, so what was stated is had back by the factor of the repair.
_WEIGHTS = f"""
with

stated as (

    select source_id, declaration_line_key as key, weight_ratio,
        substr(hs_code, 1, 6) as hs6,
        net_mass_kg::double / nullif(quantity, 0)::double * case
            when contains(repairs, 'declaration_lines.weight_in_grams') then 1000
            when contains(repairs, 'declaration_lines.weight_in_pounds') then {POUNDS}
            else 1
        end as piece_kg
    from stg_declaration_lines

),

usual as (select hs6, median(piece_kg) as middle from stated group by hs6)

select defect_id, 'declaration_lines' as feed, source_id, key,
    -- Beside goods of the same tariff code a mass is less surely a thousand times too much than beside the catalogue.
    coalesce(
        -abs(ln(nullif(greatest(weight_ratio, 0), 0) / factor)),
        -1 - abs(ln(nullif(greatest(piece_kg, 0), 0) / middle / factor))
    ) as score,
    ln(nullif(greatest(piece_kg, 0), 0) / middle) as naive_score
from stated
left join usual using (hs6)
cross join (values ('weight_in_grams', 1000.0), ('weight_in_pounds', {POUNDS})) as units (defect_id, factor)
"""

_UNDERVALUED = """
with

usual as (

    select substr(hs_code, 1, 6) as hs6, currency_code, median(unit_price_amount::double) as middle
    from stg_declaration_lines
    group by all

)

select 'undervalued' as defect_id, 'declaration_lines' as feed, source_id, declaration_line_key as key,
    -ln(nullif(greatest(price_ratio, 0), 0)) as score,
    -ln(nullif(greatest(unit_price_amount::double, 0), 0) / nullif(middle, 0)) as naive_score
from stg_declaration_lines as lines
left join usual on usual.hs6 = substr(lines.hs_code, 1, 6) and usual.currency_code = lines.currency_code
"""

# A robot is quick, and comes back: pages, their rate and the visits of the device that day count alike.
_BOT_VISIT = """
select 'bot_visit' as defect_id, 'sessions' as feed, source_id, session_key as key,
    ln(1 + page_views) + ln(1 + page_views / greatest(1, epoch(ended_at) - epoch(started_at)))
    + ln(count(*) over (partition by source_id, market, coalesce(device_key, session_key), started_on)) as score,
    page_views as naive_score
from stg_sessions
"""

# A ring buys from one seller again and again, and what it is sent weighs little beside the seller's other parcels.
_FAKE_ORDERS = """
with

weights as (

    select order_key, sum(gross_weight_kg)::double as parcel_kg from stg_shipments group by order_key

),

placed as (

    select source_id, order_key as key, seller_key, parcel_kg,
        median(parcel_kg) over (partition by source_id, market, month, seller_key, customer_key) as ring_kg,
        count(*) over (partition by source_id, market, month, seller_key, customer_key) as same_buyer,
        count(device_key) over (partition by source_id, market, month, seller_key, device_key) as same_device
    from stg_orders
    left join weights using (order_key)
    where seller_key is not null and customer_key is not null

),

usual as (select seller_key, median(parcel_kg) as middle from placed group by seller_key),
every as (select median(parcel_kg) as middle from placed)

select 'fake_orders' as defect_id, 'orders' as feed, source_id, key,
    ln(greatest(same_buyer, same_device)) * (1 + greatest(
        0, ln(greatest(usual.middle, every.middle) / nullif(greatest(ring_kg, 0), 0))
    )) as score,
    same_buyer as naive_score
from placed
left join usual using (seller_key)
cross join every
"""

# Two customer numbers with one device, telephone or resident id are one person; the number that the trade knows less of
# (orders, visits, signing up) is the second one. A visit of the first number that ends in its order gives it away.
_SPLIT_PERSON = """
with

signs as (

    select source_id, market, customer_key, device_key, consignee_phone_key as phone_key, buyer_id_no_key,
        ordered_at as seen_at
    from stg_orders
    union all
    select source_id, market, customer_key, device_key, phone_key, null, valid_from from stg_customers
    union all
    select coalesce(owners.orders_of, source_id), market, customer_key, device_key, null, null, started_at
    from stg_sessions
    left join owners using (source_id)

),

standing as (

    select source_id, market, customer_key, count(*) as known_times, min(seen_at) as first_at
    from signs
    where customer_key is not null
    group by source_id, market, customer_key

),

held as (

    select distinct source_id, market, customer_key, kind, value
    from (
        select source_id, market, customer_key, 'device' as kind, device_key as value from signs
        union all
        select source_id, market, customer_key, 'phone', phone_key from signs
        union all
        select source_id, market, customer_key, 'resident', buyer_id_no_key from signs
    ) as all_signs
    where customer_key is not null and value is not null
    -- A number with many telephones is that of a shop or a ring, and none of a person.
    qualify count(*) over (partition by source_id, market, customer_key, kind) <= 2

),

-- What half a town has in common says nothing of one person.
telling as (

    select kind, value from held group by kind, value having count(*) between 2 and 5

),

twins as (

    select mine.source_id, mine.market, mine.customer_key, count(distinct mine.kind) as likeness,
        max(standing.known_times) as twin_times, min(standing.first_at) as twin_first_at
    from held as mine
    join telling using (kind, value)
    join held as other
        on other.kind = mine.kind and other.value = mine.value and other.source_id = mine.source_id
        and other.market = mine.market and other.customer_key <> mine.customer_key
    join standing
        on standing.source_id = other.source_id and standing.market = other.market
        and standing.customer_key = other.customer_key
    group by mine.source_id, mine.market, mine.customer_key

),

visitors as (

    select coalesce(owners.orders_of, source_id) as source_id, session_id, any_value(customer_key) as visitor_key
    from stg_sessions
    left join owners using (source_id)
    where customer_key is not null
    group by all

)

select 'split_person' as defect_id, 'orders' as feed, orders.source_id, orders.order_key as key,
    coalesce(likeness * twin_times / (twin_times + standing.known_times)::double, 0)
    -- Of two that are known alike the later one is the second.
    + coalesce((twin_first_at < standing.first_at)::int / 100.0, 0)
    + coalesce((visitors.visitor_key <> orders.customer_key)::int, 0) as score,
    (twins.customer_key is not null)::int as naive_score
from stg_orders as orders
left join twins using (source_id, market, customer_key)
left join standing using (source_id, market, customer_key)
left join visitors on visitors.source_id = orders.source_id and visitors.session_id = orders.session_id
"""

# One resident id is one person: the more names order under it the worse, and those that seldom do more than the usual.
_SHARED_IDENTITY = """
with

under_id as (

    select source_id, order_key as key, buyer_id_no_key, buyer_name_key,
        count(*) over (partition by buyer_id_no_key) as order_count,
        count(*) over (partition by buyer_id_no_key, buyer_name_key) as name_count
    from stg_orders
    where buyer_id_no_key is not null

),

names as (select buyer_id_no_key, count(distinct buyer_name_key) as names from under_id group by buyer_id_no_key)

select 'shared_identity' as defect_id, 'orders' as feed, source_id, key,
    (names - 1) / (name_count * name_count)::double as score,
    order_count as naive_score
from under_id
join names using (buyer_id_no_key)
"""

_REPORT_DIFFERS = """
select 'report_differs' as defect_id, 'settlements' as feed, settlements.source_id, settlement_line_key as key,
    abs(order_variance_amount) / nullif(abs(settlements.amount::double - order_variance_amount), 0) as score,
    abs(order_variance_amount) as naive_score
from stg_settlements as settlements
where leg_type = 'gross'
"""

QUERIES = (
    _MISSING_PAYMENT, _MISSING_EVENT, _MINOR_UNITS, _WEIGHTS, _UNDERVALUED, _BOT_VISIT, _FAKE_ORDERS, _SPLIT_PERSON,
    _SHARED_IDENTITY, _REPORT_DIFFERS,
)  # fmt: skip


def suspicions(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Scores of every record that a statistical defect could be in (`SUSPICION_SCHEMA`), keys as in staging.

    con: the published tables as views (`orchestration.sql`), and the table `owners`: by source_id of the world the
    source whose orders its documents name, as orders_of. Records that nothing can be said of have a null score.
    """
    parts = []
    for query in QUERIES:
        columns = ", ".join(
            f"cast({name} as {'double' if name.endswith('score') else 'varchar'}) as {name}"
            for name in SUSPICION_SCHEMA.names
        )
        found = con.sql(f"select {columns} from ({query}) semi join owners using (source_id)")
        parts.append(found.to_arrow_table().cast(SUSPICION_SCHEMA))
    return pa.concat_tables(parts)
