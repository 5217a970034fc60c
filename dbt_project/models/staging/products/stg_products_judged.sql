with

arrived as (

    select * from {{ source('raw', 'products') }}

),

{{ judged_feed('products') }}
