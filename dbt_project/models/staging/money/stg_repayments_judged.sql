with

arrived as (

    select * from {{ source('raw', 'repayments') }}

),

{{ judged_feed('repayments') }}
