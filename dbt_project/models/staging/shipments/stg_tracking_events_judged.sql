with

raw_events as (

    select * from {{ source('raw', 'tracking_events') }}

),

raw_shipments as (

    select * from {{ source('raw', 'shipments') }}

),

deliveries as (

    select
        _document_key,
        min({{ to_timestamp('event_at') }}) as delivered_at
    from raw_events
    where event_code = 'delivered' and _replayed_by is null
    group by _document_key

),

departures as (

    select
        _document_key,
        min({{ to_timestamp('shipped_at') }}) as shipped_at
    from raw_shipments
    where _replayed_by is null
    group by _document_key

),

-- A delivery before the pick-up has no place in the journey, and ends none.
ends as (

    select
        deliveries._document_key,
        deliveries.delivered_at,
        departures.shipped_at
    from deliveries
    left join departures on deliveries._document_key = departures._document_key

),

arrived as (

    select
        raw_events.*,
        ends.shipped_at,
        case when ends.shipped_at is null or ends.delivered_at >= ends.shipped_at then ends.delivered_at end
            as delivered_at
    from raw_events
    left join ends on raw_events._document_key = ends._document_key

),

{{ judged_feed('tracking_events') }}
