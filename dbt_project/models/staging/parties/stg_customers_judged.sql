with

arrived as (

    select * from {{ source('raw', 'customers') }}

),

subdivisions as (

    select * from {{ ref('subdivision') }}

),

{{ judged_feed('customers') }}
