with

raw_shipments as (

    select * from {{ source('raw', 'shipments') }}

),

raw_events as (

    select * from {{ source('raw', 'tracking_events') }}

),

-- Which of the steps abroad a journey has, and how far it came: what lies between two steps must have happened.
journeys as (

    select
        _document_key,
        bool_or(event_code = 'export_cleared') as has_export_cleared,
        bool_or(event_code = 'departed') as has_departed,
        bool_or(event_code = 'arrived') as has_arrived,
        bool_or(event_code = 'import_cleared') as has_import_cleared,
        bool_or(event_code in ('out_for_delivery', 'attempt_failed', 'delivered')) as is_at_door
    from raw_events
    where _replayed_by is null
    group by _document_key

),

split_orders as (

    select
        _market,
        _month,
        _order_key,
        true as is_split
    from raw_shipments
    where _order_key is not null and _replayed_by is null
    group by _market, _month, _order_key
    having min(_document_key) <> max(_document_key)

),

uses_of_this_run as (

    select
        _document_key as shipment_key,
        _source_id,
        _market as market,
        carrier_code,
        waybill_no,
        order_no,
        {{ to_timestamp('shipped_at') }} as shipped_at
    from raw_shipments
    where waybill_no is not null and _replayed_by is null

),

uses as (

    select * from uses_of_this_run
    {{ union_published('stg_shipments', {
        'shipment_key': 'shipment_key', '_source_id': 'source_id', 'market': 'market', 'carrier_code': 'carrier_code',
        'waybill_no': 'waybill_no', 'order_no': 'order_no', 'shipped_at': 'shipped_at',
    }) }}

),

numbers_used_again as (

    select
        _source_id,
        market,
        carrier_code,
        waybill_no
    from uses
    group by _source_id, market, carrier_code, waybill_no
    having min(shipment_key) <> max(shipment_key)

),

several_uses as (

    select
        uses._source_id,
        uses.market,
        uses.carrier_code,
        uses.waybill_no,
        uses.shipment_key,
        min(uses.shipped_at) as shipped_at
    from uses
    inner join numbers_used_again
        on
            uses._source_id = numbers_used_again._source_id
            and uses.market = numbers_used_again.market
            and uses.carrier_code = numbers_used_again.carrier_code
            and uses.waybill_no = numbers_used_again.waybill_no
    group by uses._source_id, uses.market, uses.carrier_code, uses.waybill_no, uses.shipment_key

),

uses_in_order as (

    select
        shipment_key,
        shipped_at,
        lag(shipped_at) over (
            partition by _source_id, market, carrier_code, waybill_no
            order by shipped_at, shipment_key
        ) as number_used_at
    from several_uses

),

arrived as (

    select
        raw_shipments.*,
        uses_in_order.number_used_at,
        split_orders.is_split,
        coalesce(
            (
                (journeys.has_departed or journeys.has_arrived or journeys.has_import_cleared)
                and not journeys.has_export_cleared
            )
            or ((journeys.has_arrived or journeys.has_import_cleared) and not journeys.has_departed)
            or (journeys.has_import_cleared and not journeys.has_arrived)
            or (
                journeys.is_at_door
                and (journeys.has_export_cleared or journeys.has_departed or journeys.has_arrived)
                and not (journeys.has_arrived and journeys.has_import_cleared)
            ),
            false
        ) as has_tracking_gap
    from raw_shipments
    left join journeys on raw_shipments._document_key = journeys._document_key
    left join split_orders
        on
            raw_shipments._market = split_orders._market
            and raw_shipments._month = split_orders._month
            and raw_shipments._order_key = split_orders._order_key
    left join uses_in_order on raw_shipments._document_key = uses_in_order.shipment_key

),

{{ judged_feed('shipments') }}
