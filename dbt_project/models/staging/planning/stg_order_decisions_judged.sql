with

arrived as (

    select * from {{ source('raw', 'order_decisions') }}

),

{{ judged_feed('order_decisions') }}
