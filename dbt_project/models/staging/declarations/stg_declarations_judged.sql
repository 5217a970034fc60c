with

raw_declarations as (

    select * from {{ source('raw', 'declarations') }}

),

receipts as (

    select * from {{ source('raw', 'declaration_receipts') }}

),

-- 800 is customs' word for released.
releases as (

    select
        _document_key,
        min({{ to_timestamp('received_at') }}) as released_at
    from receipts
    where status_code = '800' and _replayed_by is null
    group by _document_key

),

arrived as (

    select
        raw_declarations.*,
        releases.released_at
    from raw_declarations
    left join releases on raw_declarations._document_key = releases._document_key

),

{{ judged_feed('declarations') }}
