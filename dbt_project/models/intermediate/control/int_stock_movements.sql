{#
    A count is held against the count before it in the same month: the first of a month opens it. The count before
    could lie years back, and a month must come out the same whether the others are rebuilt with it or not.
#}
with

snapshots as (

    select * from {{ with_published('stg_stock_snapshots') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

counted as (

    select
        snapshots.market,
        snapshots.month,
        snapshots.stock_key,
        snapshots.site_code,
        snapshots.product_id,
        snapshots.counted_on,
        snapshots.on_hand_qty,
        coalesce(snapshots.received_qty, 0) - coalesce(snapshots.shipped_qty, 0) + coalesce(snapshots.adjusted_qty, 0)
            as moved_qty,
        lag(snapshots.on_hand_qty) over (
            partition by
                snapshots.source_id,
                snapshots.site_code,
                snapshots.product_id,
                snapshots.market,
                snapshots.month
            order by snapshots.counted_on
        ) as opening_qty
    from snapshots
    inner join places on snapshots.market = places.market and snapshots.month = places.month

)

select
    market,
    month,
    stock_key,
    site_code,
    product_id,
    counted_on,
    opening_qty,
    moved_qty,
    opening_qty + moved_qty as expected_qty,
    on_hand_qty
from counted
where opening_qty is not null
