with

arrived as (

    select * from {{ source('raw', 'bank_receipts') }}

),

{{ judged_feed('bank_receipts') }}
