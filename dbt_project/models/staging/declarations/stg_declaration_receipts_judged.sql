with

raw_receipts as (

    select * from {{ source('raw', 'declaration_receipts') }}

),

raw_declarations as (

    select * from {{ source('raw', 'declarations') }}

),

first_declared as (

    select
        _document_key,
        min({{ to_timestamp('declared_at') }}) as declared_at
    from raw_declarations
    where _replayed_by is null
    group by _document_key

),

arrived as (

    select
        raw_receipts.*,
        first_declared.declared_at
    from raw_receipts
    left join first_declared on raw_receipts._document_key = first_declared._document_key

),

{{ judged_feed('declaration_receipts') }}
