with

shipments as (

    select * exclude (order_key)
    from {{ with_published('stg_shipments') }}

),

homes as (

    select * from {{ ref('stg_run_document_homes') }}
    where feed = 'shipments'

),

-- A merged parcel carries several orders: it stands with the first of them, and says how many there are.
first_order as (

    select
        document_key,
        market,
        month,
        order_key,
        count(*) over (partition by document_key) as order_count
    from homes
    qualify row_number() over (partition by document_key order by month, market, order_key) = 1

)

select
    shipments.* exclude (market, month),
    coalesce(first_order.market, shipments.market) as market,
    coalesce(first_order.month, shipments.month) as month,
    first_order.order_key,
    coalesce(first_order.order_count, 0) as order_count
from shipments
left join first_order on shipments.shipment_key = first_order.document_key
