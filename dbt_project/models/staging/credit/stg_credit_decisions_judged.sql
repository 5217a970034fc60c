with

arrived as (

    select * from {{ source('raw', 'credit_decisions') }}

),

{{ judged_feed('credit_decisions') }}
