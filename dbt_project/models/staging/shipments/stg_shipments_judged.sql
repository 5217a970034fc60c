with

arrived as (

    select * from {{ source('raw', 'shipments') }}

),

typed as (

    select
        * exclude (shipped_at, scheduled_on, delivered_at),
        shipped_at as shipped_at_text,
        scheduled_on as scheduled_on_text,
        delivered_at as delivered_at_text,
        {{ to_timestamp('shipped_at') }} as shipped_at,
        {{ to_date('scheduled_on') }} as scheduled_on,
        {{ to_timestamp('delivered_at') }} as delivered_at
    from arrived

),

ruled as (

    select
        *,
        {{ violated([
            ('shipments.waybill_no_missing', 'waybill_no is null'),
            ('shipments.carrier_code_missing', 'carrier_code is null'),
            ('shipments.market_unknown', "_market = 'ZZ'"),
            ('shipments.shipped_at_unreadable', 'shipped_at_text is not null and shipped_at is null'),
            ('shipments.scheduled_on_unreadable', 'scheduled_on_text is not null and scheduled_on is null'),
            ('shipments.delivered_at_unreadable', 'delivered_at_text is not null and delivered_at is null'),
            ('shipments.date_missing', 'shipped_at_text is null and scheduled_on_text is null'),
            ('shipments.delivered_before_shipped', 'delivered_at < shipped_at'),
            ('shipments.delivered_in_future', 'delivered_at > _loaded_at + interval 1 day'),
        ]) }} as rules,
        {{ repaired([]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ masked_payload('shipments', ['shipped_at', 'scheduled_on', 'delivered_at']) }} as payload
from stated
