with

arrived as (

    select * from {{ source('raw', 'purchase_orders') }}

),

{{ judged_feed('purchase_orders') }}
