with

arrived as (

    select * from {{ source('raw', 'stock_snapshots') }}

),

{{ judged_feed('stock_snapshots') }}
